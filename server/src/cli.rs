//! The command line, one file per command. Every option is also an environment variable `PROFILE360_…`.
//!
//! Results go to standard output, everything else to standard error. Exit status: 0 success, 1 failure, 2 invalid command line,
//! 3 success, but some input was refused.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks through these")]

mod check;
mod database;
mod export;
mod gather;
mod generate;
mod import;
mod input;
mod key;
mod listen;
mod map;
mod own_export;
mod plain;
mod resolve;
mod serve;
mod source;
mod summarize;
mod supervise;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};
use profile360_core::{
    identifier::{
        Identifier, Kind,
        unified_id::{IdSecret, unified_id},
    },
    policy::{compiled::CompiledPolicy, document::Policy},
    time::Timestamp,
};
use profile360_ingest::enrich::Enricher;
use profile360_store::Store;
use tracing_subscriber::EnvFilter;

use self::plain::for_terminal;
use crate::{
    clock,
    engine::active_policy::{ActivePolicy, PublishedPolicy},
    graphql,
    memory::{Memory, MemoryOptions},
};

/// At the end of every command the client of the database closes it a second time, which the database logs as an error. Its real
/// failures are returned as errors.
const DEFAULT_LOG: &str = "warn,profile360=info,surrealkv=error,surrealdb::core::kvs::ds=off";

/// One unified ID per customer: messages in, whole customers out.
#[derive(Debug, Parser)]
#[command(name = "profile360", version, max_term_width = 100)]
struct Command {
    /// The level of the log, such as `info` or `profile360=debug`.
    #[arg(long, global = true, env = "PROFILE360_LOG", default_value = DEFAULT_LOG)]
    log: String,
    /// The format of the log.
    #[arg(long, global = true, env = "PROFILE360_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for the whole run")]
enum Task {
    Serve(serve::Options),
    Import(import::Options),
    Export(export::Options),
    Map(map::Options),
    Generate(generate::Options),
    Resolve(resolve::Options),
    Summarize(summarize::Options),
    Check(check::Options),
    Key(key::Options),
    /// Prints the GraphQL schema.
    Schema,
}

/// The database, with the secret and the policy.
#[derive(Debug, Args)]
struct DatabaseOptions {
    /// The database: surrealkv://PATH, rocksdb://PATH (where it is built in), mem://, ws://HOST or wss://HOST.
    #[arg(long, env = "PROFILE360_DB", default_value = "surrealkv://./data/profiles?sync=every")]
    db: String,
    /// A file with the password of the user that `--db` names; `PROFILE360_DB_PASSWORD` is the password itself.
    #[arg(long, env = "PROFILE360_DB_PASSWORD_FILE", value_name = "FILE")]
    db_password_file: Option<PathBuf>,
    #[command(flatten)]
    memory: MemoryOptions,
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Args)]
struct Given {
    /// A file with the secret of unified IDs; `PROFILE360_ID_SECRET` is the secret itself.
    #[arg(long, env = "PROFILE360_ID_SECRET_FILE")]
    id_secret: Option<PathBuf>,
    /// The policy of a new database (JSON); what it leaves out is as in the default policy.
    #[arg(long, env = "PROFILE360_POLICY")]
    policy: Option<PathBuf>,
}

/// Sources of device descriptions.
#[derive(Debug, Args)]
struct Describing {
    /// A GeoIP database of cities in MaxMind's format (.mmdb): it gives country, region, city and time zone of devices whose
    /// messages do not name them. The address is not stored.
    #[arg(long, env = "PROFILE360_GEOIP", value_name = "FILE")]
    geoip: Option<PathBuf>,
}

impl Describing {
    fn intake(&self) -> anyhow::Result<Enricher> {
        Ok(Enricher::new(self.geoip.as_deref(), clock::now)?)
    }
}

/// An open database.
struct Opened {
    store: Arc<Store>,
    policy: Arc<ActivePolicy>,
    secret: IdSecret,
}

/// Runs the command line.
pub async fn run() -> ExitCode {
    let command = Command::parse();
    if let Err(error) = start_log(&command) {
        eprintln!("error: {error:#}");
        return ExitCode::from(2);
    }
    let result = match command.task {
        Task::Serve(options) => Box::pin(serve::run(options)).await,
        Task::Import(options) => import::run(options).await,
        Task::Export(options) => export::run(options).await,
        Task::Map(options) => map::run(&options),
        Task::Generate(options) => generate::run(&options),
        Task::Resolve(options) => resolve::run(&options),
        Task::Summarize(options) => summarize::run(&options),
        Task::Check(options) => check::run(options).await,
        Task::Key(options) => key::run(options),
        Task::Schema => {
            print!("{}", graphql::sdl());
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {}", for_terminal(&format!("{error:#}")));
        ExitCode::FAILURE
    })
}

fn start_log(command: &Command) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&command.log).context("--log is not a filter, as `info`")?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match command.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

impl DatabaseOptions {
    /// Whether this process opens the files of the database itself.
    fn is_embedded(&self) -> bool {
        profile360_store::is_embedded(&self.db)
    }

    /// The address of the database, with the password.
    fn url(&self) -> anyhow::Result<String> {
        database::warn_of_others(&self.db);
        let password = database::password(self.db_password_file.as_deref())?;
        database::with_password(&self.db, password.as_deref())
    }

    fn memory(&self) -> Memory {
        self.memory.memory()
    }

    /// Opens the database, or creates it with its policy and secret.
    async fn open(&self) -> anyhow::Result<Opened> {
        self.opened(profile360_store::connect_with(&self.url()?, self.memory().engine()).await?).await
    }

    /// Opens an existing database, for commands that only read: a mistyped address is an error, not an empty database.
    async fn open_existing(&self) -> anyhow::Result<Opened> {
        self.opened(profile360_store::connect_existing(&self.url()?, self.memory().engine()).await?).await
    }

    async fn opened(&self, store: Store) -> anyhow::Result<Opened> {
        let store = Arc::new(store);
        profile360_store::watch(&store).context("the store cannot be watched")?;
        let (version, policy) = self.given.policy_of(&store).await?;
        let policy = Arc::new(ActivePolicy::load(&store, version, policy).await?);
        let secret = self.given.secret_of(&store).await?;
        Ok(Opened { store, policy, secret })
    }
}

impl Given {
    /// The policy and the secret of commands without a database.
    fn without_base(&self) -> anyhow::Result<(CompiledPolicy, IdSecret)> {
        let policy = self.given_policy()?.unwrap_or_default();
        let secret = self.given_secret()?.unwrap_or_else(IdSecret::public);
        Ok((compile(policy)?, secret))
    }

    fn given_policy(&self) -> anyhow::Result<Option<Policy>> {
        let Some(path) = &self.policy else { return Ok(None) };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("the policy {} cannot be read", path.display()))?;
        let policy =
            serde_json::from_str(&text).with_context(|| format!("{} is not a policy document", path.display()))?;
        Ok(Some(policy))
    }

    fn given_secret(&self) -> anyhow::Result<Option<IdSecret>> {
        if let Some(path) = &self.id_secret {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the file of the secret, {}, cannot be read", path.display()))?;
            if text.trim().is_empty() {
                bail!("the file of the secret, {}, is empty", path.display());
            }
            return Ok(Some(IdSecret::new(&text)));
        }
        match std::env::var("PROFILE360_ID_SECRET") {
            Ok(text) if !text.trim().is_empty() => Ok(Some(IdSecret::new(&text))),
            _ => Ok(None),
        }
    }

    async fn policy_of(&self, store: &Store) -> anyhow::Result<(i64, CompiledPolicy)> {
        let given = self.given_policy()?;
        if let Some(policy) = &given {
            // Validate it before a new database stores it permanently.
            compile(policy.clone())?;
        }
        let published = PublishedPolicy {
            published_at: Timestamp::from_datetime(clock::now()).unwrap_or(Timestamp::LATEST),
            published_by: "system".to_owned(),
            reason: String::new(),
            document: given.clone().unwrap_or_default(),
        };
        let version = store.policy_in_force().await?;
        let stored = store.policy_or(version, &serde_json::to_string(&published)?).await?;
        let stored: PublishedPolicy =
            serde_json::from_str(&stored).context("the policy of this database cannot be read")?;
        if given.is_some_and(|it| it != stored.document) {
            bail!(
                "this database has a policy already, and it is another; leave --policy out, and publish a new version"
            );
        }
        Ok((version, compile(stored.document)?))
    }

    /// The secret: the given one, which must be that of the database, or a stored one.
    async fn secret_of(&self, store: &Store) -> anyhow::Result<IdSecret> {
        let given = self.given_secret()?;
        let own = new_secret();
        let secret = match given {
            Some(secret) => secret,
            None if store.setting("secret_check").await?.is_some() && store.setting("secret").await?.is_none() => {
                bail!(
                    "this database began with a secret of its operator; give it with --id-secret or PROFILE360_ID_SECRET"
                );
            }
            None => IdSecret::new(&store.setting_or("secret", &own).await?),
        };
        let recorder = unified_id(&Identifier::new(Kind::new("profile360"), "secret"), &secret).to_string();
        if store.setting_or("secret_check", &recorder).await? != recorder {
            bail!(
                "this database began with another secret than the one of --id-secret or PROFILE360_ID_SECRET; with this one every unified ID would change"
            );
        }
        Ok(secret)
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge: randomness comes into the program here")]
fn new_secret() -> String {
    let secret: [u8; 32] = rand::random();
    secret.iter().map(|it| format!("{it:02x}")).collect()
}

/// Parses a date of an option.
fn date(text: &str) -> Result<NaiveDate, &'static str> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| "a date is written yyyy-MM-dd, as 2026-01-31")
}

fn compile(policy: Policy) -> anyhow::Result<CompiledPolicy> {
    policy.within_bounds().and_then(|()| CompiledPolicy::new(policy)).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the policy has faults:\n  {}", faults.join("\n  "))
    })
}
