//! Editions: everything that is computed from the messages under one policy version, in a database of its own.
//!
//! Publishing a policy fills the next edition from the messages of the current one and then switches, in one transaction of the
//! root: readers see one or the other. The root is the database of the first edition. It also contains what belongs to no
//! edition: policies, the secret, the number of the current edition.

#[cfg(test)]
mod tests;

use profile360_core::identifier::normalize::NORMAL_FORMS;
use surrealdb::types::{RecordId, Value};

use super::{
    Result, Store,
    handle::{DATABASE, Handle},
    migrate, rows, tx,
};

/// The database of an edition.
fn database(edition: i64) -> String {
    if edition == 0 { DATABASE.to_owned() } else { format!("{DATABASE}_{edition}") }
}

/// Opens the current edition.
pub(super) async fn open_in_force(root: Handle) -> Result<Store> {
    let edition = number_in_root(&root, "edition").await?;
    let store = Store { handle: root.open(&database(edition)).await?, root, edition };
    migrate::run(&store.handle).await?;
    if store.setting("superseded_by").await?.is_some_and(|it| it != edition.to_string()) {
        // The process ended before the switch in the root, so this edition is still current.
        store.handle.run("DELETE setting:superseded_by", tx::no_variables()).await?;
    }
    // Records the version of a new database before its first message.
    store.normal_forms().await?;
    Ok(store)
}

impl Store {
    /// The number of this edition. The first is 0.
    pub fn edition(&self) -> i64 {
        self.edition
    }

    /// Creates an edition to be filled. [`Store::switch_to`] makes it current. Removes what a failed or interrupted rollout left.
    pub async fn next_edition(&self) -> Result<Self> {
        let last_begun = number_in_root(&self.root, "edition_begun").await?;
        for begun in self.edition + 1..=last_begun {
            clear(&self.root.open(&database(begun)).await?).await?;
        }
        let edition = self.edition.max(last_begun) + 1;
        self.set_in_root(&[("edition_begun", Some(edition.to_string()))]).await?;
        let handle = self.root.open(&database(edition)).await?;
        migrate::run(&handle).await?;
        let root = self.root.open(&database(0)).await?;
        Ok(Self { handle, root, edition })
    }

    /// Removes the contents of the editions before `kept`. The engine may need a minute, even for little data.
    pub async fn remove_editions_before(&self, kept: i64) -> Result<()> {
        let cleared = number_in_root(&self.root, "editions_cleared").await?;
        for unused in cleared..kept {
            clear(&self.root.open(&database(unused)).await?).await?;
        }
        if cleared < kept {
            self.set_in_root(&[("editions_cleared", Some(kept.to_string()))]).await?;
        }
        Ok(())
    }

    /// Makes another edition and its policy version current. First uses up the next commit number of this edition, so that
    /// nothing can be written to it any more.
    pub async fn switch_to(&self, next: &Self, last_commit: i64, policy_version: i64) -> Result<()> {
        let number = last_commit + 1;
        let nothing = rows::Touched::default();
        let committed = rows::row(RecordId::new("committed", number), rows::encode("committed", &nothing)?);
        let settings = [("commit", number.to_string()), ("superseded_by", next.edition.to_string())];
        let settings = settings.map(|(name, text)| rows::row(rows::text_id("setting", name), text));
        let query = "
            BEGIN;
            INSERT INTO committed $committed RETURN NONE;
            FOR $row IN $settings { UPSERT $row.id CONTENT $row RETURN NONE };
            COMMIT;
        ";
        let variables = tx::variables([("committed", committed), ("settings", Value::from_iter(settings))]);
        self.handle.run(query, variables).await?;
        self.set_in_root(&[
            ("edition", Some(next.edition.to_string())),
            ("policy", Some(policy_version.to_string())),
            ("publishing", None),
        ])
        .await
    }

    /// The version of the normal forms of this edition. Programs that had only one version did not record it. For a database
    /// without messages it is the version of this program.
    pub async fn normal_forms(&self) -> Result<i64> {
        let written = self.setting("normal_forms").await?.and_then(|text| text.parse().ok());
        match written {
            Some(version) => Ok(version),
            None if self.last_commit().await? == 0 => {
                self.set_normal_forms(NORMAL_FORMS).await?;
                Ok(NORMAL_FORMS)
            }
            None => Ok(1),
        }
    }

    /// Records the version of the normal forms of this edition.
    pub async fn set_normal_forms(&self, version: i64) -> Result<()> {
        let row = rows::row(rows::text_id("setting", "normal_forms"), version.to_string());
        let query = "UPSERT $row.id CONTENT $row RETURN NONE";
        self.handle.run(query, tx::variables([("row", row)])).await?;
        Ok(())
    }

    /// The version of the policy that is being published, if any.
    pub async fn publishing(&self) -> Result<Option<i64>> {
        Ok(root_setting(&self.root, "publishing").await?.and_then(|it| it.parse().ok()))
    }

    /// Records which version is being published.
    pub async fn set_publishing(&self, version: Option<i64>) -> Result<()> {
        self.set_in_root(&[("publishing", version.map(|it| it.to_string()))]).await
    }

    /// A setting of the whole database.
    pub async fn root_setting(&self, name: &str) -> Result<Option<String>> {
        root_setting(&self.root, name).await
    }

    async fn set_in_root(&self, settings: &[(&str, Option<String>)]) -> Result<()> {
        let id = |name: &str| rows::text_id("setting", name);
        let kept = settings.iter().filter_map(|(name, text)| Some(rows::row(id(name), text.clone()?)));
        let removed = settings.iter().filter(|(_, text)| text.is_none()).map(|(name, _)| Value::RecordId(id(name)));
        let query = "
            BEGIN;
            FOR $row IN $kept { UPSERT $row.id CONTENT $row RETURN NONE };
            DELETE $removed RETURN NONE;
            COMMIT;
        ";
        let variables = tx::variables([("kept", Value::from_iter(kept)), ("removed", Value::from_iter(removed))]);
        self.root.run(query, variables).await?;
        Ok(())
    }
}

async fn number_in_root(root: &Handle, name: &str) -> Result<i64> {
    Ok(root_setting(root, name).await?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

async fn root_setting(root: &Handle, name: &str) -> Result<Option<String>> {
    let ids = [Value::RecordId(rows::text_id("setting", name))];
    let found = root.run("SELECT id, p FROM $ids", tx::variables([("ids", Value::from_iter(ids))])).await?;
    Ok(rows::id_and_payload(found)?.pop().map(|(_, payload)| payload))
}

/// Keeps settings and commit numbers, so that a server that has missed the switch cannot write there.
async fn clear(handle: &Handle) -> Result<()> {
    let query = "
        REMOVE TABLE IF EXISTS message;
        REMOVE TABLE IF EXISTS event;
        REMOVE TABLE IF EXISTS set_aside;
        REMOVE TABLE IF EXISTS linked;
        REMOVE TABLE IF EXISTS decided;
        REMOVE TABLE IF EXISTS identifier;
        REMOVE TABLE IF EXISTS latent;
        REMOVE TABLE IF EXISTS withheld;
        REMOVE TABLE IF EXISTS retired;
        REMOVE TABLE IF EXISTS lineage;
        REMOVE TABLE IF EXISTS lineage_of;
        REMOVE TABLE IF EXISTS cell;
        REMOVE TABLE IF EXISTS purchase;
        REMOVE TABLE IF EXISTS order_claim;
        REMOVE TABLE IF EXISTS session_claim;
        REMOVE TABLE IF EXISTS profile;
    ";
    handle.run(query, tx::no_variables()).await?;
    Ok(())
}
