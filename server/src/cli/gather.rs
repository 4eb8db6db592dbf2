//! Reads the messages of files on all cores, for commands without a database.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use profile360_core::{
    evidence::gathered::Gathered,
    message::{
        Message,
        parse::{MessageReader, Purchases},
        refusal::{Refusal, Warning},
    },
    policy::compiled::CompiledPolicy,
};
use profile360_ingest::{
    enrich::Enricher,
    framing::{
        ReadError,
        blocks::{BLOCK_BYTES, Blocks, lines},
        is_blank,
    },
};

use super::{
    input::{Format, Messages, Part, Refused, SHOWN, format_of, report, report_warning},
    own_export,
    source::{Looks, Source},
};

/// What the messages of files say.
pub(super) struct Reading {
    pub gathered: Gathered,
    /// Whether no line was refused.
    pub is_clean: bool,
}

/// Reads all messages of files, and reports what was refused and what was left out.
///
/// Of several messages with one ID the first counts, as if one core had read them all.
pub(super) fn read(paths: &[PathBuf], policy: &CompiledPolicy, purchases: Purchases) -> anyhow::Result<Reading> {
    let mut cores = Cores::new(cores(), BLOCK_BYTES, policy, purchases);
    let (mut n_refused, mut n_warnings) = (0, 0);
    for path in paths {
        let Said { refused, warnings, failure } = cores.read(path)?;
        print(path, refused.first, warnings.first, n_refused, n_warnings);
        n_refused += refused.n;
        n_warnings += warnings.n;
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    if 0 < n_refused + n_warnings {
        eprintln!("{n_refused} lines were refused, {n_warnings} warnings");
    }
    Ok(Reading { gathered: cores.gathered(), is_clean: n_refused == 0 })
}

/// How many threads read and write at once.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Cores that read one file after the other.
struct Cores<'p> {
    policy: &'p CompiledPolicy,
    shares: Vec<Share<'p>>,
    block_bytes: usize,
    /// Of all files so far.
    n_blocks: u64,
}

/// What is to be said of a file.
struct Said {
    /// By line.
    refused: Kept<(u64, Refusal)>,
    warnings: Kept<(u64, Warning)>,
    /// Why the rest could not be read.
    failure: Option<anyhow::Error>,
}

/// What one core has read.
struct Share<'p> {
    reader: MessageReader<'p>,
    gathered: Gathered,
    /// By block and the line in it.
    refused: Kept<(u64, u64, Refusal)>,
    warnings: Kept<(u64, u64, Warning)>,
}

/// The first few of a sort, and how many there are.
struct Kept<T> {
    first: Vec<T>,
    n: u64,
}

/// How the reading of a file ended.
struct End {
    lines_of_blocks: Vec<u64>,
    /// Why the rest could not be read.
    failure: Option<anyhow::Error>,
}

/// A file that several cores read.
struct Incoming {
    blocks: Blocks<Box<dyn BufRead + Send>>,
    lines_of_blocks: Vec<u64>,
    failure: Option<std::io::Error>,
}

impl<T> Kept<T> {
    const fn new() -> Self {
        Self { first: Vec::new(), n: 0 }
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    /// Each core reads its blocks in their order, so those that come first are the first to be kept.
    fn add(&mut self, it: T) {
        self.n += 1;
        // One more than is shown, which says that there are more.
        if self.n <= SHOWN + 1 {
            self.first.push(it);
        }
    }
}

impl<T> Kept<(u64, u64, T)> {
    /// Those of all cores by the lines of the file: the first few.
    fn by_line(all: impl Iterator<Item = Self>, line_of: impl Fn(u64, u64) -> u64) -> Kept<(u64, T)> {
        let mut kept = Kept::new();
        for Self { first, n } in all {
            kept.n += n;
            kept.first.extend(first.into_iter().map(|(block, line, it)| (line_of(block, line), it)));
        }
        kept.first.sort_by_key(|(line, _)| *line);
        kept.first.truncate(usize::try_from(SHOWN + 1).unwrap_or_default());
        kept
    }
}

impl<'p> Cores<'p> {
    fn new(n_cores: usize, block_bytes: usize, policy: &'p CompiledPolicy, purchases: Purchases) -> Self {
        let shares = (0..n_cores).map(|_| Share::new(policy, purchases)).collect();
        Self { policy, shares, block_bytes, n_blocks: 0 }
    }

    /// Reads a file.
    fn read(&mut self, path: &Path) -> anyhow::Result<Said> {
        let source = Source::open(path)?;
        let is_in_lines = format_of(path, source.looks, false) == Format::Ndjson && source.looks != Looks::Array;
        let first_block = self.n_blocks;
        let End { lines_of_blocks, failure } = if is_in_lines && !source.is_utf16 {
            read_blocks(path, Blocks::new(source.bytes, self.block_bytes), &mut self.shares, first_block)
        } else {
            let mut messages = Messages::of_source(source, path, None, None, &Enricher::plain())?;
            read_parts(&mut messages, &mut self.shares, first_block, self.policy)
        };
        self.n_blocks += lines_of_blocks.len() as u64;
        let mut n_lines = 0;
        let lines_before: Vec<u64> = lines_of_blocks
            .into_iter()
            .map(|n_of_block| {
                n_lines += n_of_block;
                n_lines - n_of_block
            })
            .collect();
        let line_of = |block: u64, line: u64| {
            let before = usize::try_from(block - first_block).ok().and_then(|it| lines_before.get(it));
            before.unwrap_or(&0) + line
        };
        let refused = Kept::by_line(self.shares.iter_mut().map(|share| share.refused.take()), line_of);
        let warnings = Kept::by_line(self.shares.iter_mut().map(|share| share.warnings.take()), line_of);
        Ok(Said { refused, warnings, failure })
    }

    /// What all files say.
    fn gathered(self) -> Gathered {
        self.shares.into_iter().map(|share| share.gathered).reduce(Gathered::merge).unwrap_or_default()
    }
}

impl<'p> Share<'p> {
    fn new(policy: &'p CompiledPolicy, purchases: Purchases) -> Self {
        Self {
            reader: MessageReader::new(policy, purchases),
            gathered: Gathered::default(),
            refused: Kept::new(),
            warnings: Kept::new(),
        }
    }

    /// Reads the lines of a block. How many there are.
    fn read_block(&mut self, number: u64, block: &[u8]) -> u64 {
        let mut places = Places::of_block(number);
        let mut n_lines = 0;
        for line in lines(block) {
            n_lines += 1;
            match line {
                Ok(text) if is_blank(text) => {}
                Ok(text) => self.read_line(&mut places, n_lines, text),
                Err(refusal) => self.refused.add((number, n_lines, refusal)),
            }
        }
        n_lines
    }

    fn read_line(&mut self, places: &mut Places, line: u64, text: &str) {
        let refusal = match self.reader.read(text) {
            Ok((message, warnings)) => return self.take(places, line, message, warnings),
            Err(refusal) => refusal,
        };
        let Some((messages, mut of_export)) = own_export::messages_of(text) else {
            return self.refused.add((places.block, line, refusal));
        };
        for message in messages {
            match self.reader.read(&message) {
                Ok((message, mut warnings)) => {
                    warnings.append(&mut of_export);
                    self.take(places, line, message, warnings);
                }
                Err(refusal) => self.refused.add((places.block, line, refusal)),
            }
        }
        of_export.into_iter().for_each(|warning| self.warnings.add((places.block, line, warning)));
    }

    /// Adds messages that another reader has parsed.
    fn take_part(&mut self, places: &mut Places, part: Part) {
        let block = places.block;
        part.refused.into_iter().for_each(|it| self.refused.add((block, it.line, it.refusal)));
        part.warnings.into_iter().for_each(|(line, warning)| self.warnings.add((block, line, warning)));
        for accepted in part.accepted {
            self.gathered.add(places.next(), accepted.message);
        }
    }

    fn take(&mut self, places: &mut Places, line: u64, message: Message, warnings: Vec<Warning>) {
        warnings.into_iter().for_each(|warning| self.warnings.add((places.block, line, warning)));
        self.gathered.add(places.next(), message);
    }
}

/// The places of the messages of a block: they ascend over all blocks of all files.
struct Places {
    block: u64,
    n: u64,
}

impl Places {
    const fn of_block(block: u64) -> Self {
        Self { block, n: 0 }
    }

    fn next(&mut self) -> u64 {
        // A block has fewer messages than bytes, and those are fewer than that.
        const MOST: u32 = 32;
        self.n += 1;
        (self.block << MOST) + self.n
    }
}

impl Incoming {
    /// The next block and its number in the file. `None` at the end.
    fn next(&mut self, block: &mut Vec<u8>) -> Option<usize> {
        if self.failure.is_some() {
            return None;
        }
        match self.blocks.next(block) {
            Ok(true) => {
                self.lines_of_blocks.push(0);
                Some(self.lines_of_blocks.len() - 1)
            }
            Ok(false) => None,
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }
}

/// Reads a file block by block, each on the next free core. `first` is the number of its first block.
fn read_blocks(path: &Path, blocks: Blocks<Box<dyn BufRead + Send>>, shares: &mut [Share<'_>], first: u64) -> End {
    let incoming = Mutex::new(Incoming { blocks, lines_of_blocks: Vec::new(), failure: None });
    let locked = || incoming.lock().unwrap_or_else(PoisonError::into_inner);
    let read_share = |share: &mut Share<'_>| {
        let mut block = Vec::new();
        loop {
            // On a line of its own, so that the lock is free while this core reads the block.
            let next = locked().next(&mut block);
            let Some(number) = next else { break };
            let n_lines = share.read_block(first + number as u64, &block);
            if let Some(lines) = locked().lines_of_blocks.get_mut(number) {
                *lines = n_lines;
            }
        }
    };
    std::thread::scope(|scope| {
        for share in shares {
            scope.spawn(|| read_share(share));
        }
    });
    let Incoming { lines_of_blocks, failure, .. } = incoming.into_inner().unwrap_or_else(PoisonError::into_inner);
    let n_lines: u64 = lines_of_blocks.iter().sum();
    let failure = failure.map(|failure| {
        let context = format!("{} cannot be read on after line {n_lines}", path.display());
        anyhow::Error::from(ReadError::Io(failure)).context(context)
    });
    End { lines_of_blocks, failure }
}

/// Reads on one core what has no lines, such as an array of messages, as a single block.
fn read_parts(messages: &mut Messages, shares: &mut [Share<'_>], block: u64, policy: &CompiledPolicy) -> End {
    let mut failure = None;
    if let Some(share) = shares.first_mut() {
        let mut places = Places::of_block(block);
        loop {
            match messages.next_part(policy) {
                Ok(Some(part)) => share.take_part(&mut places, part),
                Ok(None) => break,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
    }
    End { lines_of_blocks: vec![0], failure }
}

/// Prints the first refusals of a file and then the first warnings; so many were in the files before.
fn print(path: &Path, refused: Vec<(u64, Refusal)>, warnings: Vec<(u64, Warning)>, n_refused: u64, n_warnings: u64) {
    for (n, (line, refusal)) in (n_refused + 1..).zip(refused) {
        report(path, &Refused { line, refusal, text: None }, n);
    }
    for (n, (line, warning)) in (n_warnings + 1..).zip(warnings) {
        report_warning(path, line, &warning, n);
    }
}

#[cfg(test)]
mod tests;
