//! `profile360 key`: API keys and their roles.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::bail;
use profile360_core::time::Timestamp;

use crate::{
    access::Role,
    clock,
    keys::{self, Random, Revoked},
};

/// Makes, lists and revokes API keys. A running server notices at once.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    task: Task,
    /// The file of the keys; `serve` is given the same.
    #[arg(long, global = true, env = "PROFILE360_KEYS", value_name = "FILE")]
    keys: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Makes a key, and the file where there is none, and prints the key: this once, as only a hash of it is kept.
    Create {
        /// What the key may do.
        #[arg(long, value_enum)]
        role: Role,
        /// Who holds it; decisions and the audit log call them so.
        #[arg(long)]
        name: Option<String>,
    },
    /// Lists all keys, revoked ones too.
    List,
    /// Takes a key back for good.
    Revoke { id: String },
}

pub(super) fn run(options: Options) -> anyhow::Result<ExitCode> {
    let Some(path) = options.keys else { bail!("say which file the keys are in, with --keys FILE or PROFILE360_KEYS") };
    match options.task {
        Task::Create { role, name } => {
            let (key, text) = keys::change(&path, |keys| keys.create(role, name.as_deref(), &random(), now()))??;
            eprintln!("made the key {} for {} ({})", key.id, key.name, role.as_str());
            if std::io::stdout().is_terminal() {
                eprintln!("this is the only time that it is shown:");
            }
            println!("{text}");
        }
        Task::List => {
            let keys = keys::read(&path)?;
            println!("{:<12}  {:<7}  {:<20}  {:<20}  NAME", "ID", "ROLE", "CREATED", "REVOKED");
            for key in keys.iter() {
                let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), to_seconds);
                let created = to_seconds(key.created_at);
                println!("{:<12}  {:<7}  {created:<20}  {revoked:<20}  {}", key.id, key.role.as_str(), key.name);
            }
        }
        Task::Revoke { id } => match keys::change(&path, |keys| match keys.revoke(&id, now()) {
            Revoked::NotFound => Err(()),
            revoked => Ok(revoked),
        })? {
            Ok(Revoked::Now(key)) => println!("revoked the key {} of {}", key.id, key.name),
            Ok(Revoked::Before(key)) => println!("the key {} of {} was revoked before", key.id, key.name),
            Ok(Revoked::NotFound) | Err(()) => bail!("there is no key of this ID; `profile360 key list` shows them"),
        },
    }
    Ok(ExitCode::SUCCESS)
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
