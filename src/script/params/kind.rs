//! The type of a parameter or an option.

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    String,
    Int,
    Float,
    Bool,
    /// On the command line: `a,b,c`, or JSON.
    List,
    /// `90s`, `5m`, `1h 30m`. The playbook gets the string, which every built-in that waits accepts.
    Duration,
    /// A file or directory that the operator names, relative to the working directory. The playbook gets its
    /// absolute path, and may read it wherever it is. A URL stays as it is.
    Path,
}

impl Kind {
    pub const ALL: [(&'static str, Self); 7] = [
        ("string", Self::String),
        ("int", Self::Int),
        ("float", Self::Float),
        ("bool", Self::Bool),
        ("list", Self::List),
        ("duration", Self::Duration),
        ("path", Self::Path),
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }

    /// With its article: `an integer`.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::Bool => "true or false",
            Self::List => "a list",
            Self::Duration => "a duration such as 90s or 5m",
            Self::Path => "the path of a file or a directory",
        }
    }
}
