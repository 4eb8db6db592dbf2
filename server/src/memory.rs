//! The memory of the process: one option, from which everything that holds data gets its share.
//!
//! The shares bound what grows with the load: bodies, messages in progress, caches and the storage engine. The customer list
//! grows with the database and gets what is left.

use std::{fs, io, path::Path};

use profile360_store::EngineMemory;
use serde::Serialize;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// The least that the program works with: the storage engine alone needs half of it.
const LEAST: usize = 256 * MIB;
/// The default is never more: a larger cache pays off in large databases only.
const LARGEST_DEFAULT: usize = GIB;
/// The default is this part of the machine's memory.
const DEFAULT_PART: usize = 4;

/// How much memory the process is to use.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct MemoryOptions {
    /// The memory that the process is to use, such as 512M or 2GiB: caches, queues and uploads get shares of it. If left out, a
    /// quarter of the machine's memory or of the limit of its control group, whichever is less, from 256M to 1G.
    #[arg(long, env = "PROFILE360_MEMORY", value_name = "BYTES", value_parser = parse_memory)]
    memory: Option<usize>,
}

impl MemoryOptions {
    pub fn memory(self) -> Memory {
        Memory::of(self.memory.unwrap_or_else(default))
    }
}

/// The memory of the process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(usize);

impl Memory {
    /// At least what the program works with.
    pub fn of(n_bytes: usize) -> Self {
        Self(n_bytes.max(LEAST))
    }

    /// The bodies of all requests and streams in progress.
    pub const fn work(self) -> usize {
        self.0 / 8
    }

    /// The messages that the engine holds and has not stored yet.
    pub const fn queue(self) -> usize {
        self.0 / 32
    }

    /// The messages that an import holds and has not stored yet: two batches. It has no clients whose requests need memory.
    pub const fn queue_of_import(self) -> usize {
        self.0 / 4
    }

    /// The messages of one part of a file.
    pub fn part_of_file(self) -> usize {
        (self.0 / 256).clamp(MIB, 4 * MIB)
    }

    /// The messages of one part of a stream. There are many streams at once.
    pub fn part_of_stream(self) -> usize {
        (self.0 / 2_048).clamp(MIB / 8, 2 * MIB)
    }

    /// What the database has, kept for the next answers and plans.
    pub const fn caches(self) -> CacheSizes {
        CacheSizes { customers: self.0 / 10, rows: self.0 / 16 }
    }

    /// The storage engine.
    pub fn engine(self) -> EngineMemory {
        EngineMemory {
            block_cache: self.0 / 8,
            memtable: (self.0 / 8).clamp(EngineMemory::SMALLEST_MEMTABLE, EngineMemory::LARGEST_MEMTABLE),
        }
    }
}

/// The sizes of the caches, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSizes {
    /// Customers that answers read.
    pub customers: usize,
    /// Rows that plans read.
    pub rows: usize,
}

impl Default for CacheSizes {
    fn default() -> Self {
        Memory::of(LARGEST_DEFAULT).caches()
    }
}

/// About how much memory a value needs: its JSON is counted, and its texts, trees and lists need a multiple of that.
pub fn estimate(value: &impl Serialize) -> usize {
    const MEMORY_PER_BYTE: usize = 3;
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Counting does not fail.
    serde_json::to_writer(&mut counter, value).ok();
    counter.0 * MEMORY_PER_BYTE
}

fn default() -> usize {
    let limits = [machine(), control_group()];
    let limit = limits.into_iter().flatten().min().unwrap_or(LARGEST_DEFAULT * DEFAULT_PART);
    (limit / DEFAULT_PART).clamp(LEAST, LARGEST_DEFAULT)
}

/// The memory of the machine.
fn machine() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(KIB)
}

/// The least limit of the control groups of this process, if they have any.
fn control_group() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let (root, name, file) = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        match (fields.next()?, fields.next()?, fields.next()?) {
            ("0", "", name) => Some(("/sys/fs/cgroup", name, "memory.max")),
            (_, controllers, name) if controllers.split(',').any(|it| it == "memory") => {
                Some(("/sys/fs/cgroup/memory", name, "memory.limit_in_bytes"))
            }
            _ => None,
        }
    })?;
    // In a container the name may be that of the host, and only the root is mounted.
    let root = Path::new(root);
    let own = root.join(name.trim_start_matches('/'));
    let limits = own.ancestors().take_while(|folder| folder.starts_with(root)).filter_map(|folder| {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        text.trim().parse::<usize>().ok()
    });
    limits.min()
}

fn parse_memory(text: &str) -> Result<usize, String> {
    let n_bytes = parse_bytes(text)?;
    if n_bytes < LEAST {
        return Err(format!("the program needs at least {}M", LEAST / MIB));
    }
    Ok(n_bytes)
}

/// A number of bytes, with or without a unit of powers of 1,024.
pub fn parse_bytes(text: &str) -> Result<usize, String> {
    let parse = || {
        let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, unit) = text.split_at(n_digits);
        let unit = match unit.trim_start().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => KIB,
            "m" | "mb" | "mib" => MIB,
            "g" | "gb" | "gib" => GIB,
            "t" | "tb" | "tib" => GIB.checked_mul(KIB)?,
            _ => return None,
        };
        digits.parse::<usize>().ok()?.checked_mul(unit)
    };
    parse().ok_or_else(|| "write a number of bytes, as 512M, 2GiB or 536870912".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_units() {
        for (text, n_bytes) in [
            ("0", Some(0)),
            ("536870912", Some(512 * MIB)),
            ("512M", Some(512 * MIB)),
            ("512 MiB", Some(512 * MIB)),
            ("512mb", Some(512 * MIB)),
            ("2GiB", Some(2 * GIB)),
            ("3k", Some(3 * KIB)),
            ("1T", Some(1024 * GIB)),
            ("", None),
            ("M", None),
            ("-1M", None),
            ("1.5G", None),
            ("1 apple", None),
            ("99999999999999999999", None),
            ("18446744073709551615T", None),
        ] {
            assert_eq!(parse_bytes(text).ok(), n_bytes, "{text}");
        }
        assert_eq!(parse_memory("256M"), Ok(LEAST));
        assert_eq!(parse_memory("255M"), Err("the program needs at least 256M".to_owned()));
    }

    #[test]
    fn shares_leave_room_for_the_list() {
        for memory in [LEAST, 512 * MIB, GIB, 16 * GIB].map(Memory::of) {
            let EngineMemory { block_cache, memtable } = memory.engine();
            // The engine holds up to three memtables.
            let CacheSizes { customers, rows } = memory.caches();
            let shares = memory.work() + memory.queue() + customers + rows + block_cache + 3 * memtable;
            let part = if memory.0 == LEAST { memory.0 * 6 / 5 } else { memory.0 * 5 / 6 };
            assert!(shares <= part, "{memory:?}: {shares}");
            assert!(memory.part_of_file() <= memory.queue(), "{memory:?}");
            assert!(memory.part_of_stream() <= memory.work() / 64, "{memory:?}");
        }
        assert!((LEAST..=LARGEST_DEFAULT).contains(&default()));
    }
}
