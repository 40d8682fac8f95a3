//! The SQLite backend keeps what every backend keeps, with its thread and without, and refuses what is not its own.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use store::conformance::Backend;
use store::sqlite::{Options, SqliteStore};
use store::{Schema, Store};
use tempfile::TempDir;
use yeyak_store as store;

/// A file in a directory of its own.
struct File {
    directory: TempDir,
    inline: bool,
}

impl File {
    fn fresh(inline: bool) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), inline }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }
}

impl Backend for File {
    fn open(&self, schema: Schema) -> Box<dyn Store> {
        let options = Options { inline: self.inline, ..Options::default() };
        Box::new(SqliteStore::open(&self.path(), schema, &options).unwrap())
    }

    fn block_on(&self, future: BoxFuture<'_, ()>) {
        if self.inline {
            // Under simulation a future is ready at once.
            assert!(futures_util::FutureExt::now_or_never(future).is_some());
        } else {
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
        }
    }
}

mod threaded {
    use super::{File, store};
    store::conformance!(File::fresh(false));
}

mod inline {
    use super::{File, store};
    store::conformance!(File::fresh(true));
}

#[path = "sqlite/files.rs"]
mod files;

#[path = "sqlite/chains.rs"]
mod chains;
