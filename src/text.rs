//! Types that stand as one piece of text in TOML, in JSON and in messages.

/// What serde's `try_from = "String"` and `into = "String"` ask for, by the type's `FromStr` and `Display`.
macro_rules! string_form {
    ($($name:ty),+) => { $(
        impl TryFrom<String> for $name {
            type Error = <$name as std::str::FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+ };
}

/// Shows a type as the text that is its only field, in quotes where it is for developers; and all of
/// [`string_form`].
macro_rules! text_form {
    ($($name:ty),+) => { $(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        $crate::text::string_form!($name);
    )+ };
}

pub(crate) use {string_form, text_form};
