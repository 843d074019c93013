//! Declaration of options.

/// Declares a struct of options: serde deserializes it, an unknown key is an error, and the comment of each
/// field is its description in the manual page.
///
/// ```text
/// options! {
///     pub struct Options {
///         /// permission bits, as text: `"0644"`
///         mode: Option<Mode>,
///         /// if `true`, no diff is shown
///         #[serde(default)]
///         secret: bool,
///     }
/// }
/// ```
macro_rules! options {
    (
        $(#[$attribute:meta])*
        $visible:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $(#[serde($($serde:tt)+)])*
                $field_visible:vis $field:ident: $type:ty
            ),* $(,)?
        }
    ) => {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $(#[$attribute])*
        $visible struct $name {
            $(
                $(#[doc = $doc])+
                $(#[serde($($serde)+)])*
                $field_visible $field: $type,
            )*
        }

        impl $crate::declare::HasOptions for $name {
            const FIELDS: &'static [$crate::declare::Field] = &[
                $($crate::declare::Field::new(
                    stringify!($field),
                    concat!($($doc, "\n"),+),
                ),)*
            ];
        }
    };
}
pub(crate) use options;
