use kernel::Caller;

/// Who asks when nobody has to prove it (`auth=open`): the person whom the body names, and the administrator where it names none.
pub fn open_caller(person: Option<&str>) -> Caller {
    match person.map(str::trim) {
        Some(id) if !id.is_empty() => Caller::Person(id.into()),
        _ => Caller::Administrator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_acts_and_else_the_administrator() {
        assert_eq!(open_caller(Some(" OHM ")), Caller::Person("OHM".into()));
        assert_eq!(open_caller(Some(" ")), Caller::Administrator);
        assert_eq!(open_caller(None), Caller::Administrator);
    }
}
