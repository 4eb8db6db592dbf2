//! Migrations: numbered files, each applied once, together with its version row.

use surrealdb::types::{Number, Value};

use super::{Result, StoreError, handle::Handle, tx};

/// Each runs in one transaction that also writes the row of its version.
const MIGRATIONS: [(i64, &str); 7] = [
    (
        1,
        concat!(
            "BEGIN;",
            include_str!("migrations/0001_base.surql"),
            "CREATE migration:1 SET at = time::now();",
            "COMMIT;"
        ),
    ),
    (
        2,
        concat!(
            "BEGIN;",
            include_str!("migrations/0002_owners_and_lineage.surql"),
            "CREATE migration:2 SET at = time::now();",
            "COMMIT;"
        ),
    ),
    (
        3,
        concat!(
            "BEGIN;",
            include_str!("migrations/0003_editions.surql"),
            "CREATE migration:3 SET at = time::now();",
            "COMMIT;"
        ),
    ),
    (
        4,
        concat!(
            "BEGIN;",
            include_str!("migrations/0004_audit.surql"),
            "CREATE migration:4 SET at = time::now();",
            "COMMIT;"
        ),
    ),
    (
        5,
        concat!(
            "BEGIN;",
            include_str!("migrations/0005_late_numbers.surql"),
            "CREATE migration:5 SET at = time::now();",
            "COMMIT;"
        ),
    ),
    (
        6,
        concat!(
            "BEGIN;",
            include_str!("migrations/0006_saved_views.surql"),
            "CREATE migration:6 SET at = time::now();",
            "COMMIT;"
        ),
    ),
    (
        7,
        concat!(
            "BEGIN;",
            include_str!("migrations/0007_ingest_hours.surql"),
            "CREATE migration:7 SET at = time::now();",
            "COMMIT;"
        ),
    ),
];

/// Applies missing migrations. Fails if the schema is newer than this program.
pub(super) async fn run(handle: &Handle) -> Result<()> {
    let known = MIGRATIONS.last().map_or(0, |(version, _)| *version);
    let found = version(handle).await?;
    if known < found {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (number, sql) in MIGRATIONS.iter().filter(|(number, _)| found < *number) {
        match handle.run(sql, tx::no_variables()).await {
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
