//! Constructors of tasks and of kinds of health checks.

use std::ops::RangeInclusive;

use super::manual::Manual;
use super::value::Value;

/// A constructor that a playbook calls. `M` is the function that constructs the value from
/// [`Arguments`](super::Arguments) and whatever else it needs.
pub struct Entry<M> {
    /// `files` of `files::line`; empty for an entry without a namespace.
    pub namespace: &'static str,
    pub name: &'static str,
    /// The positional arguments.
    pub parameters: &'static [Parameter],
    pub manual: Manual,
    pub make: M,
}

/// A positional argument.
pub struct Parameter {
    pub name: &'static str,
    optional: fn() -> bool,
}

impl Parameter {
    #[must_use]
    pub const fn new(name: &'static str, optional: fn() -> bool) -> Self {
        Self { name, optional }
    }

    /// Whether it may be omitted.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        (self.optional)()
    }
}

impl<M> Entry<M> {
    #[must_use]
    pub const fn new(
        namespace: &'static str,
        name: &'static str,
        parameters: &'static [Parameter],
        manual: Manual,
        make: M,
    ) -> Self {
        Self {
            namespace,
            name,
            parameters,
            manual,
            make,
        }
    }

    /// As a playbook writes it: `files::directory`.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.namespace.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}::{}", self.namespace, self.name)
        }
    }

    /// The maximum number of arguments of a call, including the map of options.
    #[must_use]
    pub fn arities(&self) -> RangeInclusive<usize> {
        let required = self.parameters.iter().filter(|one| !one.is_optional());
        required.count()..=self.parameters.len() + 1
    }

    /// The parameters of a call with this many arguments, then the type of what it returns.
    #[must_use]
    pub fn signature(&self, arity: usize, returns: &str) -> Vec<String> {
        let names = self.parameters.iter().map(|one| one.name);
        let names = names.chain(["options: Map"]).take(arity).chain([returns]);
        names.map(ToOwned::to_owned).collect()
    }
}

/// Whether an argument may be omitted: its type accepts unit as a value.
#[must_use]
pub fn is_optional<T: serde::de::DeserializeOwned>() -> bool {
    T::deserialize(Value::Null).is_ok()
}

/// Declares an [`Entry`]: its manual page, its name, its positional arguments and its options (types that
/// serde deserializes), and the function that constructs it.
///
/// ```text
/// declare! {
///     TASK: Entry;
///     /// Ensures the directory exists.
///     files::directory(path: HostPath; Options) => Directory::new
/// }
/// ```
///
/// The function takes the positional arguments and the options; `=> Template::new, context` adds the
/// context. An argument of type `Option` may be omitted.
macro_rules! declare {
    (
        $entry:ident: $kind:ty;
        $(#[doc = $doc:literal])+
        $namespace:ident::$name:ident $($rest:tt)+
    ) => {
        $crate::declare::declare! { @ $entry: $kind; $($doc)+; $namespace; $name; $($rest)+ }
    };
    ($entry:ident: $kind:ty; $(#[doc = $doc:literal])+ $name:ident $($rest:tt)+) => {
        $crate::declare::declare! { @ $entry: $kind; $($doc)+;; $name; $($rest)+ }
    };
    (
        @ $entry:ident: $kind:ty; $($doc:literal)+; $($namespace:ident)?; $name:ident;
        ($($parameter:ident: $type:ty),*; $options:ty) => $make:path $(, $context:ident)?
    ) => {
        pub(crate) const $entry: $kind = <$kind>::new(
            concat!($(stringify!($namespace))?),
            stringify!($name),
            &[$($crate::declare::Parameter::new(
                stringify!($parameter),
                $crate::declare::is_optional::<$type>,
            )),*],
            $crate::declare::Manual::new(
                concat!($($doc, "\n"),+),
                <$options as $crate::declare::HasOptions>::FIELDS,
            ),
            |mut arguments, context| {
                let _ = context;
                $(let $parameter: $type = arguments.parameter(stringify!($parameter))?;)*
                let options: $options = arguments.options()?;
                $(let $context = context;)?
                Ok(std::sync::Arc::new($make($($parameter,)* options $(, $context)?)?))
            },
        );
    };
}
pub(crate) use declare;
