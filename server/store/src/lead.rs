//! The lead: one of several servers on a database does what must be done once, such as to write list rows and to fill projections.
//!
//! The setting `leader` names the leader and its epoch, which grows with each change. The setting `leader_beat` changes while the
//! leader works: with each write that only the leader may make, and otherwise once in a while. A server becomes the leader when the beat
//! has stayed the same for [`LAPSE`] by its own monotonic clock, so that wrong clocks do no harm. A leader that was only slow cannot
//! write any more: each of its writes names its epoch in the same transaction and changes the beat, so it conflicts with a change of
//! the leader at the same time.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use surrealdb::types::Value;
use tokio::sync::{Mutex, watch};

use super::{
    Result, Store, StoreError,
    handle::Handle,
    keys,
    rows::{self, LEADER},
    tx,
};

/// How long the leader may be silent.
const LAPSE: Duration = Duration::from_secs(10);
/// How often the leader shows that it works.
const BEAT: Duration = Duration::from_secs(3);

/// What a transaction that only the leader may write begins with.
const AS_LEADER: &str = "
    UPDATE $leader_beat SET p = <string> (<int> p + 1) RETURN NONE;
    IF (SELECT VALUE p FROM ONLY $leader) != $lease {
        THROW 'another server leads'
    };
";

/// Whether this server leads.
#[derive(Debug)]
pub(super) struct Lead {
    role: watch::Sender<Role>,
    /// One at a time: each changes the beat, so two at once would conflict.
    writing: Mutex<()>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    /// No other server can have the database open.
    Alone,
    Leads(Lease),
    Follows,
}

/// The leader of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub epoch: i64,
    /// The ID of the leader; `None` after it has stepped down.
    pub server: Option<String>,
}

/// A server that wants to lead, and what it knows of the leader.
#[derive(Debug)]
pub struct Candidate {
    server: String,
    /// The last lease and beat that were read, and when they were new.
    seen: Option<(Settings, Instant)>,
    /// When this server has shown last that it leads.
    shown: Instant,
}

/// The two settings as they are stored.
type Settings = [Option<String>; 2];

/// What became of the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeadChange {
    /// This server leads from now on.
    Gained,
    Kept,
    /// It does not lead.
    Follows,
}

impl Lead {
    pub(super) fn of(handle: &Handle) -> Self {
        let role = if handle.is_remote() { Role::Follows } else { Role::Alone };
        Self { role: watch::Sender::new(role), writing: Mutex::default() }
    }

    fn role(&self) -> Role {
        self.role.borrow().clone()
    }
}

impl Candidate {
    /// `server` must be different for each process.
    pub fn new(server: String) -> Self {
        Self { server, seen: None, shown: Instant::now() }
    }

    /// Whether the leader is silent, by what was read now.
    fn finds_silence(&mut self, found: Settings) -> bool {
        match &self.seen {
            Some((seen, since)) if *seen == found => LAPSE <= since.elapsed(),
            _ => {
                self.seen = Some((found, Instant::now()));
                false
            }
        }
    }
}

impl Store {
    /// Whether other servers may work on the same database.
    pub fn is_shared(&self) -> bool {
        self.lead.role() != Role::Alone
    }

    /// Whether this server does what must be done once.
    pub fn leads(&self) -> bool {
        self.lead.role() != Role::Follows
    }

    /// Becomes the leader if there is none or it is silent, and shows that this server leads if it does. To be called several times
    /// a second.
    pub async fn seek_lead(&self, candidate: &mut Candidate) -> Result<LeadChange> {
        match self.lead.role() {
            Role::Alone => Ok(LeadChange::Kept),
            Role::Leads(_) if candidate.shown.elapsed() < BEAT => Ok(LeadChange::Kept),
            Role::Leads(_) => {
                candidate.shown = Instant::now();
                match self.run_as_leader("RETURN NONE;", Vec::new()).await {
                    Ok(_) => Ok(LeadChange::Kept),
                    Err(StoreError::Deposed) => Ok(LeadChange::Follows),
                    Err(error) => Err(error),
                }
            }
            Role::Follows => self.try_to_lead(candidate).await,
        }
    }

    async fn try_to_lead(&self, candidate: &mut Candidate) -> Result<LeadChange> {
        let found = self.settings(LEADER).await?;
        let lease: Option<Lease> = found[0].as_deref().map(|text| rows::decode("setting", text)).transpose()?;
        let is_free = lease.as_ref().is_none_or(|lease| lease.server.is_none());
        if !candidate.finds_silence(found.clone()) && !is_free {
            return Ok(LeadChange::Follows);
        }
        let epoch = lease.map_or(0, |lease| lease.epoch) + 1;
        let lease = Lease { epoch, server: Some(candidate.server.clone()) };
        match self.replace_leader(found, &lease).await {
            Ok(()) => {
                tracing::info!(epoch, "this server leads");
                candidate.shown = Instant::now();
                self.lead.role.send_replace(Role::Leads(lease));
                Ok(LeadChange::Gained)
            }
            // Another server was faster.
            Err(StoreError::Conflict) => Ok(LeadChange::Follows),
            Err(error) => Err(error),
        }
    }

    async fn replace_leader(&self, [leader, beat]: Settings, lease: &Lease) -> Result<()> {
        let query = "
            BEGIN;
            IF (SELECT VALUE p FROM ONLY $leader.id) != $expected OR (SELECT VALUE p FROM ONLY $leader_beat.id) != $expected_beat {
                THROW 'another writer was faster'
            };
            UPSERT $leader.id CONTENT $leader RETURN NONE;
            UPSERT $leader_beat.id CONTENT $leader_beat RETURN NONE;
            COMMIT;
        ";
        let next_beat = beat.as_deref().and_then(|beat| beat.parse().ok()).unwrap_or(0_i64) + 1;
        let expected = |text: Option<String>| text.map_or(Value::None, Value::String);
        let variables = tx::variables([
            ("leader", rows::setting_row(LEADER[0], rows::encode("setting", lease)?)),
            ("leader_beat", rows::setting_row(LEADER[1], next_beat.to_string())),
            ("expected", expected(leader)),
            ("expected_beat", expected(beat)),
        ]);
        self.handle.run(query, variables).await?;
        Ok(())
    }

    /// Leaves the lead to other servers, so that they need not wait for its silence.
    pub async fn step_down(&self) -> Result<()> {
        let Role::Leads(lease) = self.lead.role() else { return Ok(()) };
        let free = rows::encode("setting", &Lease { server: None, ..lease })?;
        let vacate = "UPSERT $free.id CONTENT $free RETURN NONE;";
        let left = self.run_as_leader(vacate, vec![("free", rows::setting_row(LEADER[0], free))]).await;
        self.lead.role.send_replace(Role::Follows);
        match left {
            Err(StoreError::Deposed) => Ok(()),
            left => left.map(drop),
        }
    }

    /// Runs statements in one transaction, if this server leads. Fails with [`StoreError::Deposed`] otherwise.
    pub(super) async fn run_as_leader(
        &self,
        statements: &str,
        mut variables: Vec<(&'static str, Value)>,
    ) -> Result<Value> {
        let lease = match self.lead.role() {
            Role::Alone => {
                return self.handle.run(format!("BEGIN;{statements}COMMIT;"), tx::variables(variables)).await;
            }
            Role::Leads(lease) => lease,
            Role::Follows => return Err(StoreError::Deposed),
        };
        variables.extend(lease_variables(&lease)?);
        let _writing = self.lead.writing.lock().await;
        let answer = self.handle.run(format!("BEGIN;{AS_LEADER}{statements}COMMIT;"), tx::variables(variables)).await;
        if matches!(answer, Err(StoreError::Deposed)) {
            self.lose_lead(&lease);
        }
        answer
    }

    fn lose_lead(&self, lease: &Lease) {
        tracing::warn!(epoch = lease.epoch, "another server leads now");
        self.lead.role.send_if_modified(|role| {
            let is_lost = *role == Role::Leads(lease.clone());
            if is_lost {
                *role = Role::Follows;
            }
            is_lost
        });
    }
}

fn lease_variables(lease: &Lease) -> Result<[(&'static str, Value); 3]> {
    let [leader, beat] = LEADER.map(|name| Value::RecordId(keys::text_id("setting", name)));
    let lease = Value::String(rows::encode("setting", lease)?);
    Ok([("leader", leader), ("leader_beat", beat), ("lease", lease)])
}
