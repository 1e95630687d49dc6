use std::ops::Deref;

/// What somebody lends, or what is one's own: a client of a registry may be of one command, or last as long as a store.
pub(super) enum Held<'a, T> {
    Lent(&'a T),
    Own(Box<T>),
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Lent(value) => value,
            Self::Own(value) => value,
        }
    }
}
