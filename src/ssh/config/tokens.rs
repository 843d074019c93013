//! Tokens (`%h`), `${VARIABLES}` and `~` in values of ssh_config(5).

use std::path::PathBuf;

use super::local::Local;

/// The values of the tokens for one host.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    pub local: &'a Local,
    /// `%h`.
    pub host: &'a str,
    /// `%n`.
    pub original: &'a str,
    /// `%p`.
    pub port: u16,
    /// `%r`.
    pub user: &'a str,
    /// `%k`.
    pub alias: Option<&'a str>,
}

impl Tokens<'_> {
    /// Expands `~` and then the tokens, as in file names.
    ///
    /// # Errors
    /// If it contains something that only `ssh` can expand.
    pub(crate) fn path(&self, text: &str) -> Result<PathBuf, String> {
        let text = self
            .local
            .expand_home(text)
            .ok_or_else(|| format!("`{text}` is in the home of another user"))?;
        self.expand(&text).map(PathBuf::from)
    }

    pub(crate) fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['%', '$']) {
            expanded.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(variable) = rest.strip_prefix("${") {
                let end = variable.find('}').filter(|&end| end > 0);
                let end = end.ok_or_else(|| format!("`{text}` has a `${{` without a name"))?;
                let value = self.local.variable(&variable[..end]);
                expanded
                    .push_str(value.ok_or_else(|| format!("`{text}` names an unset variable"))?);
                rest = &variable[end + 1..];
            } else if rest.starts_with('$') {
                expanded.push('$');
                rest = &rest[1..];
            } else {
                let token = rest[1..].chars().next();
                self.token(token, &mut expanded)
                    .ok_or_else(|| format!("`{text}` has a token that is left to ssh"))?;
                rest = &rest[1 + token.map_or(0, char::len_utf8)..];
            }
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// Expands a token. `%C` and `%j` are left to ssh, since they depend on its version.
    fn token(&self, token: Option<char>, into: &mut String) -> Option<()> {
        let Local { host, .. } = self.local;
        match token? {
            '%' => into.push('%'),
            'd' => into.push_str(self.local.home.to_str()?),
            'h' => into.push_str(self.host),
            'i' => into.push_str(&self.local.uid.to_string()),
            'k' => into.push_str(self.alias.unwrap_or(self.original)),
            'L' => into.push_str(host.split('.').next().unwrap_or(host)),
            'l' => into.push_str(host),
            'n' => into.push_str(self.original),
            'p' => into.push_str(&self.port.to_string()),
            'r' => into.push_str(self.user),
            'u' => into.push_str(&self.local.user),
            _ => return None,
        }
        Some(())
    }
}

/// Expands `%h`, the only token of `HostName`.
pub(super) fn host_name(text: &str, host: &str) -> Result<String, String> {
    let mut name = String::with_capacity(text.len());
    let mut parts = text.split('%');
    name.push_str(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        if let Some(rest) = part.strip_prefix('h') {
            name.push_str(host);
            name.push_str(rest);
        } else if part.is_empty()
            && let Some(rest) = parts.next()
        {
            name.push('%');
            name.push_str(rest);
        } else {
            return Err(format!("`{text}` has a token other than %h"));
        }
    }
    Ok(name)
}

/// The name in `$NAME` without braces, which `IdentityAgent` accepts. An error if the name is invalid.
pub(super) fn legacy_variable(text: &str) -> Result<Option<&str>, NoName> {
    let Some(name) = text.strip_prefix('$').filter(|name| !name.starts_with('{')) else {
        return Ok(None);
    };
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if valid { Ok(Some(name)) } else { Err(NoName) }
}

/// The text after a `$` is not a name.
#[derive(Debug)]
pub(super) struct NoName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_variables() {
        let mut local = Local::of_this_process().unwrap();
        local.home = PathBuf::from("/home/amy");
        local.user = "amy".to_owned();
        local.uid = 1000;
        local.host = "desk.example.com".to_owned();
        local.environment.insert("X".into(), "x y".into());
        let tokens = Tokens {
            local: &local,
            host: "10.0.0.1",
            original: "web",
            port: 2222,
            user: "bob",
            alias: None,
        };
        assert_eq!(
            tokens
                .expand("%h %n %p %r %u %d %i %l %L %k %% $X ${X}")
                .unwrap(),
            "10.0.0.1 web 2222 bob amy /home/amy 1000 desk.example.com desk web % $X x y"
        );
        assert_eq!(
            tokens.path("~/.ssh/%n").unwrap(),
            PathBuf::from("/home/amy/.ssh/web")
        );
        for text in ["%C", "%j", "%", "%x", "${NOT_SET_HERE}", "${}", "${X"] {
            assert!(tokens.expand(text).is_err(), "{text}");
        }
        assert!(tokens.path("~bob/x").is_err());
    }

    #[test]
    fn host_name_expands_only_the_host() {
        assert_eq!(
            host_name("%h.example.com", "web").unwrap(),
            "web.example.com"
        );
        assert_eq!(host_name("a%%b%h", "web").unwrap(), "a%bweb");
        assert!(host_name("%n", "web").is_err());
        assert!(host_name("a%", "web").is_err());
    }
}
