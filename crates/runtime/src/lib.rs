//! Makes the pure rules of a system durable, concurrent and alive.
//!
//! A [`Service`] declares what a bounded context consists of; a [`SystemHandle`] runs the services of one system over one store.
//! Everything that happens goes through the system's one *writer*: what waits for it is decided together, in one
//! transaction, and answered when that is on disk. *Consumers* bring in what other services published, *wake-ups* what
//! falls due, *sagas* what takes another service; each of them is one more client of the writer.
//!
//! All of it is plain futures over traits for store, carrier, calls and clock. Production spawns them on threads, the
//! simulation on a seeded executor.

mod consumer;
mod door;
mod erased;
mod faults;
mod feed_position;
mod feeds;
mod follow;
mod handle;
mod open_sagas;
mod operating;
mod parking;
mod pruning;
mod reached;
mod rebuild;
mod saga;
mod scrape;
mod served;
mod service;
mod sharding;
mod stats;
mod status;
mod story;
mod system;
mod verify;
mod views;
mod wakeups;
mod writer;

pub use faults::{Fault, Faults};
pub use feed_position::{FeedPosition, NotAPosition};
pub use follow::{Followed, Follower, Mark, Wanted};
pub use handle::{ServiceHandle, Spawner};
pub use operating::{Discarded, NotParked, ProjectionStatus, Rebuilding, Retried, RetriedView, Which};
pub use reached::NotReached;
pub use saga::{MakeSaga, SagaInput, SagaRequest};
pub use service::Service;
pub use sharding::shard_of;
pub use status::{ConsumerStatus, Status};
pub use story::{Story, Told};
pub use system::{Environment, PACE, Port, Queues, SystemHandle, SystemSpec};
pub use verify::{Disagreement, Order, Progress, Verified, store as verify_store};
pub use writer::{Answer, ClientKey, Expected, Ids, Outcome, Request, Shown};
