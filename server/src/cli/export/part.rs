//! An unfinished file: its part, under a name of its own, and how far it is written.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use profile360_core::identifier::UnifiedId;
use serde::{Deserialize, Serialize};

use super::{Format, packing::Packing};

/// The options that determine the contents of a file. An export resumes only with equal options.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Question {
    pub format: Format,
    pub packing: Packing,
    pub as_of: NaiveDate,
    pub policy_version: i64,
    #[serde(rename = "edition")]
    pub projection: i64,
    pub base: String,
}

/// The progress of an export.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The last commit when it began.
    pub commit: i64,
    /// The last sealed customer, in the order of unified IDs.
    pub last: Option<UnifiedId>,
    pub customers: u64,
    /// Customers who were first seen after the date.
    pub later: u64,
    /// The number of sealed bytes. Everything after them is discarded.
    pub bytes: u64,
    /// The ends of the pieces of a table.
    pub pieces: Vec<u64>,
    /// The number of rounded amounts.
    pub rounded: u64,
}

/// The part of a file, open and locked against other exports.
pub(super) struct Part {
    out: PathBuf,
    file: File,
    pub question: Question,
    pub progress: Progress,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    question: Question,
    progress: Progress,
}

impl Part {
    /// Starts from the beginning, and removes what an interrupted export left.
    pub(super) fn begin(out: &Path, question: Question, commit: i64) -> anyhow::Result<Self> {
        let file = open(out)?;
        remove(&state_path(out))?;
        file.set_len(0).with_context(|| failed(out))?;
        let progress =
            Progress { commit, last: None, customers: 0, later: 0, bytes: 0, pieces: Vec::new(), rounded: 0 };
        Ok(Self { out: out.to_owned(), file, question, progress })
    }

    /// Opens what an interrupted export left, if anything. A date that was not given is that
    /// of the part.
    pub(super) fn resume(out: &Path, asked: &Question, is_date_given: bool) -> anyhow::Result<Option<Self>> {
        let state = state_path(out);
        if !state.exists() {
            return Ok(None);
        }
        let unreadable = || format!("{} cannot be read; run this again without --resume", state.display());
        let kept = fs::read_to_string(&state).with_context(unreadable)?;
        let Kept { question, progress } = serde_json::from_str(&kept).with_context(unreadable)?;
        let Question { format, packing, as_of, policy_version, projection, base } = &question;
        let other = match () {
            () if (format, packing) != (&asked.format, &asked.packing) => Some("is of another form"),
            () if *base != asked.base => Some("is of another database"),
            () if (policy_version, projection) != (&asked.policy_version, &asked.projection) => {
                Some("was written under another policy")
            }
            () if is_date_given && *as_of != asked.as_of => Some("is as of another date"),
            () => None,
        };
        if let Some(other) = other {
            bail!("the part that is there, {}, {other}; run this again without --resume", part_path(out).display());
        }
        let mut file = open(out)?;
        if file.metadata().with_context(|| failed(out))?.len() < progress.bytes {
            bail!("{} is shorter than it was; run this again without --resume", part_path(out).display());
        }
        file.set_len(progress.bytes).and_then(|()| file.seek(SeekFrom::End(0))).with_context(|| failed(out))?;
        Ok(Some(Self { out: out.to_owned(), file, question, progress }))
    }

    /// The file, at its end.
    pub(super) fn file(&self) -> anyhow::Result<File> {
        self.file.try_clone().with_context(|| self.failed())
    }

    /// The message if it cannot be written.
    pub(super) fn failed(&self) -> String {
        failed(&self.out)
    }

    /// Saves the progress, after syncing everything that is sealed.
    pub(super) fn keep(&mut self) -> anyhow::Result<()> {
        self.try_to_keep().with_context(|| self.failed())
    }

    fn try_to_keep(&mut self) -> std::io::Result<()> {
        self.file.sync_data()?;
        self.progress.bytes = self.file.stream_position()?;
        let state = state_path(&self.out);
        let unfinished = sibling(&state, ".new");
        fs::write(
            &unfinished,
            serde_json::json!({ "question": self.question, "progress": self.progress }).to_string(),
        )?;
        File::open(&unfinished)?.sync_all()?;
        fs::rename(unfinished, state)
    }

    /// Replaces the part by a file that `make` creates from it.
    pub(super) fn replace(&mut self, make: impl FnOnce(&File, &mut File) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let whole = sibling(&part_path(&self.out), ".whole");
        let mut made = File::create(&whole).with_context(|| self.failed())?;
        make(&self.file, &mut made).with_context(|| self.failed())?;
        made.sync_all().with_context(|| self.failed())?;
        remove(&state_path(&self.out))?;
        fs::rename(whole, part_path(&self.out)).with_context(|| self.failed())?;
        self.file = made;
        Ok(())
    }

    /// Gives the file its name, so that a file with this name is complete.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| self.failed())?;
        fs::rename(part_path(&self.out), &self.out).with_context(|| self.failed())?;
        remove(&state_path(&self.out))
    }
}

fn open(out: &Path) -> anyhow::Result<File> {
    let path = part_path(out);
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(&path).with_context(|| failed(out))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => bail!("another export is writing {}", path.display()),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| failed(out)),
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

fn failed(out: &Path) -> String {
    format!("{} cannot be written", out.display())
}

fn part_path(out: &Path) -> PathBuf {
    sibling(out, ".part")
}

fn state_path(out: &Path) -> PathBuf {
    sibling(out, ".part.json")
}

fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
