//! What becomes of a field that may be left out.

use super::Fault;

/// What becomes of a field that may be absent.
pub trait Presence<T> {
    /// What a handler gets.
    type Output;
    /// Whether the field has to be there.
    const REQUIRED: bool = false;

    /// The field is absent.
    ///
    /// # Errors
    /// When it has to be there.
    fn absent(self) -> Result<Self::Output, Fault>;

    /// The field is null.
    ///
    /// # Errors
    /// As when it is absent, which it then is as a rule.
    fn null(self) -> Result<Self::Output, Fault>
    where
        Self: Sized,
    {
        self.absent()
    }

    /// The field is there.
    fn present(self, value: T) -> Self::Output;
}

/// The field has to be there.
#[derive(Clone, Copy, Debug)]
pub struct Required;

/// The field may be left out.
#[derive(Clone, Copy, Debug)]
pub struct Optional;

/// The field may be left out, and is this then.
#[derive(Clone, Copy, Debug)]
pub struct Or<T>(pub(super) T);

/// The field may be left out, and what it stands for is unset by null.
#[derive(Clone, Copy, Debug)]
pub struct OrUnset;

impl<T> Presence<T> for OrUnset {
    type Output = Option<Option<T>>;

    fn absent(self) -> Result<Option<Option<T>>, Fault> {
        Ok(None)
    }

    fn null(self) -> Result<Option<Option<T>>, Fault> {
        Ok(Some(None))
    }

    fn present(self, value: T) -> Option<Option<T>> {
        Some(Some(value))
    }
}

impl<T> Presence<T> for Required {
    type Output = T;
    const REQUIRED: bool = true;

    fn absent(self) -> Result<T, Fault> {
        Err(Fault::missing())
    }

    fn present(self, value: T) -> T {
        value
    }
}

impl<T> Presence<T> for Optional {
    type Output = Option<T>;

    fn absent(self) -> Result<Option<T>, Fault> {
        Ok(None)
    }

    fn present(self, value: T) -> Option<T> {
        Some(value)
    }
}

impl<T> Presence<T> for Or<T> {
    type Output = T;

    fn absent(self) -> Result<T, Fault> {
        Ok(self.0)
    }

    fn present(self, value: T) -> T {
        value
    }
}
