//! What others may know of schedule: nothing. It publishes no events and answers no calls.
