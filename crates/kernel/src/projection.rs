use jiff::Timestamp;

use crate::{Published, Resource};

/// A view: rows folded from what one service published. It can neither call nor command, so a replay does no harm.
pub trait Projection: Send + Sync + 'static {
    /// The durable name, unique in its service.
    const NAME: &'static str;
    /// Raised when the fold or the row changes; the view is then built anew beside the old one.
    const VERSION: u32;
    /// Whether each row remembers the events that changed it, for `/{id}/history`. A view that is only read by
    /// its own service has no use for that.
    const HISTORY: bool = true;
    /// Whether its rows can be followed as they change.
    const FOLLOWED: bool = Self::HISTORY;
    /// The events it is folded from.
    type On: Published;
    /// Its rows.
    type Row: Resource;

    /// The ids of the rows that `event` touches, from the event alone.
    fn rows(event: &Self::On) -> Vec<u64>;

    /// The row with this id after `event`; `None` takes it out.
    fn fold(id: u64, row: Option<Self::Row>, event: &Self::On, at: Timestamp) -> Option<Self::Row>;
}
