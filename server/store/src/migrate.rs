//! Migrations: numbered files, each applied once, together with its version row.

use surrealdb::types::{Number, Value};

use super::{Result, StoreError, handle::Handle, tx};

/// A migration with the row of its version, in one transaction.
macro_rules! migration {
    ($number:literal, $file:literal) => {
        (
            $number,
            concat!("BEGIN;", include_str!($file), "CREATE migration:", $number, " SET at = time::now();", "COMMIT;"),
        )
    };
}

const MIGRATIONS: [(i64, &str); 1] = [migration!(8, "migrations/0008_journal_and_projections.surql")];

/// The migrations of the databases before the journal, which `upgrade` reads.
const OF_EDITIONS: [(i64, &str); 7] = [
    migration!(1, "migrations/0001_base.surql"),
    migration!(2, "migrations/0002_owners_and_lineage.surql"),
    migration!(3, "migrations/0003_editions.surql"),
    migration!(4, "migrations/0004_audit.surql"),
    migration!(5, "migrations/0005_late_numbers.surql"),
    migration!(6, "migrations/0006_saved_views.surql"),
    migration!(7, "migrations/0007_ingest_hours.surql"),
];

/// Applies missing migrations. Fails if the schema is newer than this program.
pub(super) async fn run(handle: &Handle) -> Result<()> {
    apply(handle, &MIGRATIONS).await
}

/// Brings the database of an edition to the last schema of editions.
pub(super) async fn run_on_edition(handle: &Handle) -> Result<()> {
    apply(handle, &OF_EDITIONS).await
}

async fn apply(handle: &Handle, migrations: &[(i64, &'static str)]) -> Result<()> {
    let known = migrations.last().map_or(0, |(version, _)| *version);
    let found = version(handle).await?;
    if known < found {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (number, sql) in migrations.iter().filter(|(number, _)| found < *number) {
        match handle.run(*sql, tx::no_variables()).await {
            // Another server has applied the same migration concurrently.
            Err(StoreError::Conflict) if *number <= version(handle).await? => {}
            Err(error) => return Err(error),
            Ok(_) => tracing::info!(version = number, "applied a migration"),
        }
    }
    Ok(())
}

/// The highest version that was applied. 0 for a new database.
pub(super) async fn version(handle: &Handle) -> Result<i64> {
    let query = "
        DEFINE TABLE IF NOT EXISTS migration SCHEMAFULL;
        DEFINE FIELD IF NOT EXISTS at ON migration TYPE datetime;
        RETURN math::max((SELECT VALUE record::id(id) FROM migration).concat([0]));
    ";
    match handle.run(query, tx::no_variables()).await? {
        Value::Number(Number::Int(version)) => Ok(version),
        other => Err(StoreError::Corrupt { table: "migration", reason: format!("the version is {other:?}") }),
    }
}
