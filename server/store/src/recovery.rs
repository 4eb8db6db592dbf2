//! Recovery of an embedded database before it is opened, so that a crash loses no acknowledged commit.
//!
//! SurrealKV 0.21.4 loses acknowledged commits after a crash in five ways:
//!
//! 1. It opens its log before repairing it. The repair renames a new file over the old one, so everything until the next rotation
//!    is synced to a file without a name.
//! 2. It treats less than seven bytes of an unfinished record, and a first fragment without its last, as the end of the log and
//!    appends. The next recovery drops what follows.
//! 3. It rotates its log when a commit does not fit into the memtable, after writing that commit to the old segment. The segment
//!    is removed once the previous memtable is flushed, and a crash then loses the commits in between.
//! 4. If a segment does not fit into a memtable, its recovery flushes a part and then counts the segment as flushed.
//! 5. Its shutdown reports success even if the flush failed.
//!
//! So the engine only ever opens an empty log for use. After a crash [`prepare`] rewrites the log: whole commits, in segments
//! that fit. The engine recovers these, is closed, and must leave an empty log ([`finish`]); then the database is opened for use.
//! In use, [`LogKeeper`] keeps each segment one rotation longer than the engine does. A clean close leaves an empty log, so the
//! log itself says whether the close was clean. Every step is idempotent, so a crash in any of them is harmless.

mod format;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use self::format::{Committed, Piece, Pieces, SegmentWriter};

const LOG: &str = "wal";
/// The rewritten log. Complete only once [`LOG`] is gone.
const NEW_LOG: &str = "wal.recovered";
/// The original log.
const OLD_LOG: &str = "wal.replaced";
/// Hard links to segments that may be needed after the engine has removed them.
const KEPT: &str = "wal.kept";
const LOCK: &str = "LOCK";
const MANIFEST: &str = "manifest/00000000000000000000.manifest";
const TABLES: &str = "sstables";

/// Commits at the end of a rotated segment that are recovered again. The engine writes up to seven concurrently, and these can be
/// in the memtable of the next segment.
const COMMITS_OVER_A_ROTATION: usize = 64;
/// The size of a memtable of the recovery, unless a transaction of the log needs more.
pub(super) const MEMTABLE_BYTES: usize = 128 * 1024 * 1024;
/// The memory that a segment may need: half of the engine's memtable.
const SEGMENT_BYTES: usize = MEMTABLE_BYTES / 2;
/// Upper bound of the overhead per entry in a memtable.
const ENTRY_BYTES: usize = 512;

/// Why a database cannot be opened safely.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    #[error("another process has it open: stop that one, or talk to it over HTTP")]
    InUse,
    #[error("{} cannot be {what}: {error}", path.display())]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    #[error(
        "{} is missing or cut short, and without it the engine would delete all data as unused; restore the database from a copy",
        path.display()
    )]
    NoManifest { path: PathBuf },
    #[error(
        "the log {} is damaged at byte {offset}, and commits that may have been acknowledged follow the damage; restore the database \
         from a copy, or give up what follows: cut the file there (`truncate -s {offset}`) and move the files after it away",
        path.display()
    )]
    Damaged { path: PathBuf, offset: usize },
    #[error(
        "the storage engine did not write out what it recovered (its log in {} is not empty), often because the disk is full; \
         nothing is lost, make room and try again", path.display()
    )]
    NotFlushed { path: PathBuf },
    #[error("the log in {} changed while the database was opened; try again", path.display())]
    Changed { path: PathBuf },
}

type Result<T> = std::result::Result<T, RecoveryError>;

/// What was found in the log of a database that was not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Recovered {
    pub n_commits: u64,
    pub n_bytes: usize,
    /// Bytes of unfinished commits, which were never acknowledged.
    pub n_bytes_cut: usize,
    /// The memory that the largest commit needs. It may exceed [`MEMTABLE_BYTES`]: the engine writes its log before it finds out.
    pub largest: usize,
}

/// Creates the folder durably and rewrites the log so that the engine recovers it without loss. `None` if the database was closed
/// cleanly. After `Some` the caller must open and close the engine, and then call [`finish`].
pub(super) fn prepare(folder: &Path) -> Result<Option<Recovered>> {
    make_folder(folder)?;
    let _lock = lock(folder)?;
    end_replacement(folder)?;
    let log = folder.join(LOG);
    let segments = segments_of(&log)?;
    let kept = segments_of(&folder.join(KEPT))?;
    let has_tables = fs::read_dir(folder.join(TABLES)).is_ok_and(|mut entries| entries.next().is_some());
    let Some(manifest) = Manifest::read(folder)? else {
        let is_new = !has_tables && segments.is_empty() && kept.is_empty();
        return if is_new { Ok(None) } else { Err(RecoveryError::NoManifest { path: folder.join(MANIFEST) }) };
    };

    let is_before = |segment: &&Segment| segment.number.checked_add(1) == Some(manifest.log_number);
    let before = segments.iter().chain(&kept).find(is_before);
    let after: Vec<&Segment> = segments.iter().filter(|segment| manifest.log_number <= segment.number).collect();
    if before.is_none() && after.iter().all(|segment| segment.n_bytes == 0) {
        empty_log(folder, segments)?;
        return Ok(None);
    }
    let recovered = write_again(folder, &manifest, before, &after)?;
    replace(folder)?;
    Ok(Some(recovered))
}

/// Verifies that the engine has flushed everything from [`prepare`].
pub(super) fn finish(folder: &Path) -> Result<()> {
    let log = folder.join(LOG);
    let segments = segments_of(&log)?;
    if segments.iter().any(|segment| 0 < segment.n_bytes) {
        return Err(RecoveryError::NotFlushed { path: log });
    }
    empty_log(folder, segments)
}

/// Removes segments that are flushed completely.
fn empty_log(folder: &Path, segments: Vec<Segment>) -> Result<()> {
    for segment in segments {
        remove_file(&segment.path)?;
    }
    remove_folder(&folder.join(KEPT))
}

/// The engine's manifest.
struct Manifest {
    /// The first segment that is not flushed.
    log_number: u64,
    /// The highest sequence number of a flushed entry.
    last_entry: u64,
}

impl Manifest {
    /// `None` if it is missing or invalid.
    fn read(folder: &Path) -> Result<Option<Self>> {
        const VERSION: u64 = 1;
        let path = folder.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RecoveryError::Io { what: "read", path, error }),
        };
        let number = |range: Range<usize>| {
            let field = bytes.get(range)?;
            Some(field.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
        };
        let read = || {
            (number(0..2)? == VERSION).then_some(())?;
            Some(Self { log_number: number(10..18)?, last_entry: number(18..26)? })
        };
        Ok(read())
    }
}

#[derive(Debug)]
struct Segment {
    number: u64,
    path: PathBuf,
    n_bytes: u64,
}

/// The segments in a folder, ascending. Empty if there is no folder.
fn segments_of(folder: &Path) -> Result<Vec<Segment>> {
    let failed = |error| RecoveryError::Io { what: "listed", path: folder.to_owned(), error };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension() != Some(OsStr::new("wal")) {
            continue;
        }
        let Some(number) = path.file_stem().and_then(OsStr::to_str).and_then(|name| name.parse().ok()) else {
            continue;
        };
        let n_bytes = fs::metadata(&path).map_err(failed)?.len();
        segments.push(Segment { number, path, n_bytes });
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.wal"))
}

/// Writes the commits that are not flushed into [`NEW_LOG`], with numbers that follow those of flushed entries.
fn write_again(folder: &Path, manifest: &Manifest, before: Option<&Segment>, after: &[&Segment]) -> Result<Recovered> {
    let new_log = folder.join(NEW_LOG);
    remove_folder(&new_log)?;
    fs::create_dir(&new_log).map_err(|error| RecoveryError::Io { what: "created", path: new_log.clone(), error })?;

    let mut recovered = Recovered::default();
    let mut next_entry = manifest.last_entry.saturating_add(1);
    let mut next_segment = manifest.log_number;
    let mut needs = 0;
    let mut writer = SegmentWriter::default();
    let mut write = |commit: &Committed, recovered: &mut Recovered| {
        let needed =
            commit.n_bytes() + usize::try_from(commit.n_entries).unwrap_or(usize::MAX).saturating_mul(ENTRY_BYTES);
        if 0 < needs && SEGMENT_BYTES < needs + needed {
            write_segment(&segment_path(&new_log, next_segment), writer.bytes())?;
            next_segment += 1;
            needs = 0;
            writer.clear();
        }
        needs += needed;
        writer.add(commit, next_entry);
        next_entry = next_entry.saturating_add(commit.n_entries.max(1));
        recovered.n_commits += 1;
        recovered.n_bytes += commit.n_bytes();
        recovered.largest = recovered.largest.max(needed);
        Ok(())
    };

    // The number that the next commit must have if unreadable bytes precede it.
    let mut expected = manifest.last_entry.saturating_add(1);
    if let Some(before) = before {
        let bytes = read(&before.path)?;
        let mut last = VecDeque::with_capacity(COMMITS_OVER_A_ROTATION);
        for piece in Pieces::of(&bytes) {
            if let Piece::Commit(commit) = piece {
                if last.len() == COMMITS_OVER_A_ROTATION {
                    last.pop_front();
                }
                last.push_back(commit);
            }
        }
        for commit in &last {
            write(commit, &mut recovered)?;
            expected = commit.next();
        }
    }
    // The position of unreadable bytes, until the next commit shows that no commit is missing there.
    let mut open: Option<(&Path, usize)> = None;
    for segment in after {
        let bytes = read(&segment.path)?;
        for piece in Pieces::of(&bytes) {
            match piece {
                Piece::Commit(commit) => {
                    if let Some((path, offset)) = open.take()
                        && commit.first != expected
                    {
                        return Err(RecoveryError::Damaged { path: path.to_owned(), offset });
                    }
                    expected = commit.next();
                    write(&commit, &mut recovered)?;
                }
                Piece::Unreadable(range) => {
                    recovered.n_bytes_cut += range.len();
                    open.get_or_insert((segment.path.as_path(), range.start));
                }
            }
        }
    }
    if !writer.bytes().is_empty() {
        write_segment(&segment_path(&new_log, next_segment), writer.bytes())?;
    }
    sync_folder(&new_log)?;
    Ok(recovered)
}

/// Replaces [`LOG`] by [`NEW_LOG`].
fn replace(folder: &Path) -> Result<()> {
    let (log, new_log, old_log) = (folder.join(LOG), folder.join(NEW_LOG), folder.join(OLD_LOG));
    remove_folder(&old_log)?;
    if log.exists() {
        rename(&log, &old_log)?;
    }
    sync_folder(folder)?;
    rename(&new_log, &log)?;
    sync_folder(folder)?;
    // The new log contains the commits of the kept segment.
    remove_folder(&folder.join(KEPT))?;
    remove_folder(&old_log)
}

/// Completes a [`replace`] that a crash interrupted: the old log exists until the new one is complete.
fn end_replacement(folder: &Path) -> Result<()> {
    let new_log = folder.join(NEW_LOG);
    if new_log.exists() {
        if folder.join(LOG).exists() {
            remove_folder(&new_log)?;
        } else {
            rename(&new_log, &folder.join(LOG))?;
            sync_folder(folder)?;
            remove_folder(&folder.join(KEPT))?;
        }
    }
    remove_folder(&folder.join(OLD_LOG))
}

/// Keeps each segment of the log until all its commits are flushed.
///
/// The engine removes a segment once its memtable is flushed, but the commits that caused the rotation are in the next memtable.
/// So every segment gets a hard link, which is removed once the next segment is gone.
#[derive(Debug)]
pub(super) struct LogKeeper {
    folder: PathBuf,
    /// The number of the current segment.
    active: Mutex<u64>,
}

impl LogKeeper {
    /// For a database that was opened and not yet written to. Its log must be empty.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let log = folder.join(LOG);
        let segments = segments_of(&log)?;
        let [Segment { number, n_bytes: 0, .. }] = *segments else {
            return Err(RecoveryError::Changed { path: log });
        };
        let kept = folder.join(KEPT);
        remove_folder(&kept)?;
        fs::create_dir(&kept).map_err(|error| RecoveryError::Io { what: "created", path: kept.clone(), error })?;
        sync_folder(folder)?;
        let keeper = Self { folder: folder.to_owned(), active: Mutex::new(number) };
        keeper.keep(number)?;
        Ok(keeper)
    }

    /// Verifies after the first write that the engine writes to the named file.
    pub(super) fn expect_written(&self) -> Result<()> {
        let log = self.folder.join(LOG);
        let is_written = segments_of(&log)?.iter().any(|segment| 0 < segment.n_bytes);
        if is_written { Ok(()) } else { Err(RecoveryError::Changed { path: log }) }
    }

    /// Follows a rotation, if there was one. To be called after each commit, before it is acknowledged. Costs one `stat`.
    pub(super) fn follow(&self) -> Result<()> {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let log = self.folder.join(LOG);
        while segment_path(&log, *active + 1).exists() {
            *active += 1;
            self.keep(*active)?;
            for kept in segments_of(&self.folder.join(KEPT))? {
                if kept.number < *active && !segment_path(&log, kept.number + 1).exists() {
                    remove_file(&kept.path)?;
                }
            }
        }
        Ok(())
    }

    /// Removes kept segments after the engine was closed. Fails if the engine has not flushed everything.
    pub(super) fn end(&self) -> Result<()> {
        finish(&self.folder)
    }

    fn keep(&self, number: u64) -> Result<()> {
        let kept = self.folder.join(KEPT);
        let path = segment_path(&kept, number);
        match fs::hard_link(segment_path(&self.folder.join(LOG), number), &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(RecoveryError::Io {
                what: "created as a hard link (the file system must support them)",
                path,
                error,
            }),
            _ => sync_folder(&kept),
        }
    }
}

/// Acquires the engine's lock until the file is dropped.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|error| RecoveryError::Io { what: "opened", path: path.clone(), error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RecoveryError::InUse),
        Err(TryLockError::Error(error)) => Err(RecoveryError::Io { what: "locked", path, error }),
    }
}

/// Creates a folder and its parents, durably.
fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|error| RecoveryError::Io {
        what: "created",
        path: folder.to_owned(),
        error,
    })?;
    // Sync all parents: which of them are new is unknown, and syncing an old one is cheap.
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    for above in absolute.ancestors().skip(1) {
        // A folder that this user cannot open existed before.
        if sync_folder(above).is_err() {
            break;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| RecoveryError::Io { what: "read", path: path.to_owned(), error })
}

fn write_segment(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    };
    write().map_err(|error| RecoveryError::Io { what: "written", path: path.to_owned(), error })
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| RecoveryError::Io { what: "renamed", path: from.to_owned(), error })
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(RecoveryError::Io { what: "removed", path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(RecoveryError::Io { what: "removed", path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}

/// Syncs the entries of a folder to disk.
fn sync_folder(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|error| RecoveryError::Io { what: "synced", path: path.to_owned(), error })
}
