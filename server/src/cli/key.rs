//! `profile360 key`: API keys and their roles.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::bail;
use profile360_core::{message::MessageType, time::Timestamp};

use super::plain::for_terminal;
use crate::{
    auth::{
        access::{Permission, Role},
        api_keys::{self, Random, Revoked},
        scope::Scope,
    },
    clock,
};

/// Makes, lists and revokes API keys. A running server notices at once.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    task: Task,
    /// The file of the keys; give `serve` the same.
    #[arg(long, global = true, env = "PROFILE360_KEYS", value_name = "FILE")]
    keys: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Makes a key, and the file if it is missing, and prints the key, once: only a hash of it is stored.
    Create {
        /// What the key may do.
        #[arg(long, value_enum)]
        role: Role,
        /// Its name in decisions and in the audit log.
        #[arg(long)]
        name: Option<String>,
        /// The sources that its messages may name; any if left out.
        #[arg(long, value_delimiter = ',', value_name = "NAME")]
        source: Vec<String>,
        /// The types of its messages: identify, event, alias; any if left out.
        #[arg(long, value_delimiter = ',', value_name = "TYPE", value_parser = message_type)]
        types: Vec<MessageType>,
        /// Lets a sender learn which customer each message belongs to, and whether it is new. Only for servers: with such a key
        /// anyone can find out who is a customer.
        #[arg(long)]
        results: bool,
    },
    /// Lists all keys, revoked ones too.
    List,
    /// Revokes a key for good.
    Revoke { id: String },
}

pub(super) fn run(options: Options) -> anyhow::Result<ExitCode> {
    let Some(path) = options.keys else { bail!("say which file the keys are in, with --keys FILE or PROFILE360_KEYS") };
    match options.task {
        Task::Create { role, name, source, types, results } => {
            let scope = Scope {
                sources: source.iter().map(|it| Arc::from(it.trim())).filter(|it: &Arc<str>| !it.is_empty()).collect(),
                types: types.into_iter().collect(),
                results,
            };
            if !scope.is_default() && !role.may(Permission::Send) {
                bail!(
                    "--source, --types and --results are for keys that send messages; use the role {}",
                    Permission::Send.minimum_role()
                );
            }
            let name = name.as_deref();
            let (key, text) = api_keys::change(&path, |keys| keys.create(role, name, scope, &random(), now()))??;
            eprintln!("made the key {} for {} ({})", key.id, key.name, role.as_str());
            if std::io::stdout().is_terminal() {
                eprintln!("this is the only time that it is shown:");
            }
            println!("{text}");
        }
        Task::List => {
            let keys = api_keys::read(&path)?;
            println!("{:<12}  {:<7}  {:<20}  {:<20}  NAME", "ID", "ROLE", "CREATED", "REVOKED");
            for key in keys.iter() {
                let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), to_seconds);
                let created = to_seconds(key.created_at);
                let name = for_terminal(&key.name);
                let line = format!("{:<12}  {:<7}  {created:<20}  {revoked:<20}  {name}", key.id, key.role.as_str());
                println!("{}{}", line, for_terminal(&scope_of(&key.scope)));
            }
        }
        Task::Revoke { id } => match api_keys::change(&path, |keys| match keys.revoke(&id, now()) {
            Revoked::NotFound => Err(()),
            revoked => Ok(revoked),
        })? {
            Ok(Revoked::Now(key)) => println!("revoked the key {} of {}", key.id, for_terminal(&key.name)),
            Ok(Revoked::Before(key)) => {
                println!("the key {} of {} was revoked before", key.id, for_terminal(&key.name));
            }
            Ok(Revoked::NotFound) | Err(()) => bail!("there is no key of this ID; `profile360 key list` shows them"),
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn message_type(text: &str) -> Result<MessageType, String> {
    serde_json::from_value(text.trim().into()).map_err(|_| "use identify, event or alias".to_owned())
}

/// The scope of a key, for the list.
fn scope_of(scope: &Scope) -> String {
    let mut text = String::new();
    if !scope.sources.is_empty() {
        let sources: Vec<&str> = scope.sources.iter().map(AsRef::as_ref).collect();
        text.push_str(&format!("  source={}", sources.join(",")));
    }
    if let Ok(serde_json::Value::Array(types)) = serde_json::to_value(&scope.types)
        && !types.is_empty()
    {
        let types: Vec<&str> = types.iter().filter_map(serde_json::Value::as_str).collect();
        text.push_str(&format!("  types={}", types.join(",")));
    }
    if scope.results {
        text.push_str("  results");
    }
    text
}

fn to_seconds(at: Timestamp) -> String {
    at.to_datetime().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn now() -> Timestamp {
    Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST)
}

#[expect(clippy::disallowed_methods, reason = "the edge: randomness comes into the program here")]
fn random() -> Random {
    Random { id: rand::random(), secret: rand::random() }
}
