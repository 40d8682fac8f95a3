//! The least that a durable booking can cost: what Yeyak is measured against.
//!
//! A server written by hand for one table of reservations. It gives no promise less than Yeyak gives about a booking: it is decided once, it overlaps
//! none, an event of it waits in an outbox, and nobody is answered before all of that is synced to disk. It has nothing else: no history, no
//! followers, no keys, no callers, no contract. Its answers are Yeyak's, byte for byte, for everything that the bench asks.

mod booking;
mod reader;
mod rooms;
mod routes;
mod schema;
mod writer;

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use crate::reader::Reader;
use crate::rooms::Rooms;
use crate::routes::Limit;

/// Yeyak's, so that none of the difference is the allocators'.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The least that a durable booking can cost
#[derive(Parser)]
struct Arguments {
    /// Where to keep the data; the directory must exist
    #[arg(long)]
    data: PathBuf,
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { data, listen } = Arguments::parse();
    let file = data.join("limit.sqlite");
    let connection = schema::open(&file)?;
    let rooms = Rooms::load(&connection)?;
    let writer = writer::start(connection)?;
    let limit = Limit::new(rooms, writer, Reader::new(file))?;
    let threads = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    threads.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await?;
        writeln!(std::io::stderr(), "ready address={}", listener.local_addr()?)?;
        Ok(axum::serve(listener, routes::router(limit)).await?)
    })
}
