//! What others may know of customercenter: nothing; nobody builds on a view.
