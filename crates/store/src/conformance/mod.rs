//! What every backend keeps, as one suite that each of them runs unchanged.
//!
//! A backend's tests implement [`Backend`] and say `store::conformance!(…)` with an expression that makes an empty place for
//! a store; every rule becomes a test of its own.

// A rule is broken by a panic: that is what a test's failure is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]
// A case's name is the rule that it keeps; there is no more to say of it.
#![allow(missing_docs)]

pub mod changes;
pub mod consumers;
pub mod epochs;
pub mod events;
pub mod failures;
pub mod feed;
mod fixture;
pub mod history;
pub mod pruning;
pub mod records;
pub mod rows;
pub mod sequences;
pub mod snapshots;
pub mod stories;
pub mod tables;
pub mod wakes;

use futures_util::future::BoxFuture;

use crate::{Schema, Store};
pub use fixture::Opened;

/// One place where a store can stand: a file, a database. It is empty at first, and removed when this is dropped.
pub trait Backend: Sync {
    /// Opens the store that stands here, and makes it at first. It is called again only when the last one was dropped.
    fn open(&self, schema: Schema) -> Box<dyn Store>;

    /// Runs a future to its end, on the calling thread or elsewhere. Several threads may call it at once.
    fn block_on(&self, future: BoxFuture<'_, ()>);

    /// Whether an aborted transaction leaves no gap in a counter. Not every database keeps counters in its transactions.
    fn sequences_are_dense(&self) -> bool {
        true
    }
}

/// Runs one case on a fresh store.
pub fn run(backend: &dyn Backend, case: fn(Opened<'_>)) {
    case(Opened::new(backend, fixture::schema()));
}

/// Makes a test of each rule. It takes an expression that makes a fresh [`Backend`](crate::conformance::Backend).
#[macro_export]
macro_rules! conformance {
    ($backend:expr) => {
        $crate::conformance! {
            @cases $backend;
            events: [
                come_back_in_order_with_their_versions,
                keep_everything_that_was_given,
                a_version_used_twice_is_rejected_and_nothing_of_its_batch_is_written,
                a_root_loads_with_its_snapshot_and_the_events_behind_it,
                a_root_loads_only_what_its_caller_has_not_folded,
                a_root_loads_whole_when_its_snapshot_is_not_wanted,
                a_root_that_was_never_written_has_version_0,
                roots_are_listed_in_order_behind_a_key,
            ],
            feed: [
                places_are_gapless_in_each_shard_in_the_order_of_commits,
                many_writers_at_once_leave_no_gap,
                a_reader_never_sees_a_place_before_the_one_in_front_of_it,
                a_commit_tells_the_places_that_the_feed_shows,
                what_is_not_published_has_no_place,
                a_feed_is_read_page_by_page,
                what_other_shards_publish_is_not_in_the_way,
                bounds_beyond_every_place_are_just_empty,
                services_have_feeds_of_their_own,
                a_shard_that_does_not_exist_is_rejected,
            ],
            epochs: [
                the_first_begins_at_0_in_every_shard,
                a_new_one_begins_behind_each_shards_head,
                raising_twice_without_an_event_between_begins_both_at_one_place,
            ],
            consumers: [
                positions_are_0_until_they_are_written,
                a_position_and_its_effects_are_one_transaction,
                consumers_keep_their_positions_apart,
                parked_keys_are_known_to_whoever_claims_the_consumer,
                parking_again_changes_error_tries_and_time,
                parked_events_come_oldest_first,
                the_first_of_each_parked_line_comes_soonest_first,
                an_unparked_event_is_gone,
                lines_are_told_with_how_many_wait_in_them,
                the_first_of_a_line_is_known_to_whoever_claims_it,
                a_line_is_discarded_up_to_a_place,
            ],
            records: [
                an_answer_is_kept_under_its_key,
                an_answer_is_replaced_and_freed,
                answers_and_calls_are_kept_apart,
                old_ones_are_pruned_by_kind_and_age,
                pruning_stops_at_its_limit_with_the_oldest_gone,
            ],
            sequences: [
                count_from_1,
                are_counted_apart,
                an_aborted_number_is_given_again,
            ],
            rows: [
                are_put_replaced_and_deleted,
                are_found_as_they_were_put_last,
                are_claimed_as_they_stand,
                are_filtered_by_every_kind_of_field,
                are_filtered_by_what_is_unset,
                are_filtered_by_several_fields_at_once,
                are_sorted_by_every_kind_of_field_with_the_unset_smallest,
                texts_are_sorted_by_their_bytes,
                equal_ones_are_sorted_by_id_in_the_direction_of_the_sort,
                are_paged_without_one_lost_or_doubled,
                pages_beyond_the_end_are_empty,
                rows_of_several_values_are_of_one_instant,
                pages_are_the_same_whether_ids_have_gaps_or_not,
                rows_of_a_value_are_those_of_the_smallest_ids,
                the_total_is_a_lower_bound_beyond_ten_thousand,
                the_total_follows_what_is_put_and_taken_away,
                the_total_knows_nothing_of_what_did_not_come_to_stand,
                the_total_is_of_the_same_instant_as_the_rows,
                every_table_has_a_total_of_its_own,
                any_text_is_kept_as_it_is,
                fields_may_be_called_like_the_stores_own_columns,
                what_the_schema_does_not_have_is_rejected,
                an_id_beyond_the_largest_is_not_there_and_cannot_be_written,
            ],
            changes: [
                are_told_in_the_order_of_the_last_change,
                of_one_transaction_are_told_page_by_page,
                what_was_taken_away_is_told_to_whoever_may_have_seen_it,
                of_what_does_not_match_is_told_only_that_it_changed,
                what_was_taken_away_long_ago_may_be_forgotten_and_that_is_known,
                places_keep_their_meaning_until_a_restore,
                another_store_has_another_line,
            ],
            tables: [
                changed_fields_are_filled_anew_from_the_rows,
                two_versions_of_a_view_stand_side_by_side,
                switching_clears_everything_of_other_versions,
                the_version_served_is_readable_when_the_schema_no_longer_has_it,
                switching_to_the_version_served_changes_nothing,
                what_is_built_beside_a_version_takes_its_place,
                a_new_version_takes_what_was_built_beside_an_old_one_along,
                the_total_is_that_of_the_table_in_its_place,
                the_total_stays_when_fields_change_and_while_the_schema_lacks_the_table,
            ],
            history: [
                of_a_resource_is_its_own_events_in_order,
                of_a_row_that_is_a_root_is_what_its_root_did_to_it,
                of_a_views_row_is_what_was_folded_into_it,
                is_read_page_by_page,
                of_what_never_was_is_empty,
            ],
            stories: [
                are_found_by_their_correlation_stretch_by_stretch,
                of_other_services_are_others,
                tell_what_an_event_was_and_where_it_was_published,
                a_life_is_that_of_one_row_or_root,
                the_trace_of_an_event_is_kept_with_it,
            ],
            wakes: [
                what_is_due_comes_longest_overdue_first,
                the_next_one_is_known_and_cleared,
                services_wake_apart,
                a_kind_that_the_code_no_longer_has_does_not_wake,
                those_of_one_kind_that_want_to_wake_are_known,
            ],
            snapshots: [
                it_shows_everything_that_stands,
                an_event_makes_its_root_known,
            ],
            pruning: [
                takes_what_is_finished_with_its_events_and_snapshots,
                leaves_what_wants_to_wake_what_is_young_and_other_kinds,
                leaves_what_was_published,
                stops_at_its_limit,
            ],
            failures: [
                an_abort_leaves_nothing_behind,
                a_panic_leaves_nothing_behind_and_the_store_usable,
                a_batch_that_was_committed_has_landed,
                a_batch_that_never_ran_has_not_landed_and_never_will,
                a_batch_that_was_aborted_has_not_landed,
                a_batch_id_is_used_once,
                the_ids_of_batches_need_no_order,
                nobody_waiting_for_the_answer_changes_nothing,
                what_was_answered_survives_reopening,
            ],
        }
    };
    (@cases $backend:expr; $($module:ident: [$($case:ident,)*],)*) => {
        $(
            mod $module {
                #[allow(unused_imports)]
                use super::*;

                $(
                    #[test]
                    fn $case() {
                        $crate::conformance::run(&$backend, $crate::conformance::$module::$case);
                    }
                )*
            }
        )*
    };
}
