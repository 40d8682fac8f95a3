//! What all tests of the system share.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs of it")]

pub mod agreement;
pub mod workload;

use testkit::Subject;

/// The system with its usual settings.
pub const MEETINGROOM: Subject = Subject {
    spec: yeyak_meetingroom::spec,
    routes: |system| {
        yeyak_meetingroom::routes(system, "", &edge::Entry::open(edge::Limits::default()), &yeyak_meetingroom::Settings::default())
    },
};
