use std::path::Path;

use serde::{Deserialize, Serialize};

/// The compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Packing {
    Plain,
    Gzip,
}

impl Packing {
    pub(super) fn of(path: &Path) -> Self {
        if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("gz")) { Self::Gzip } else { Self::Plain }
    }
}
