//! Which versions of packages apt offers, by the package lists on the host. Queried only if something has
//! to be installed.

use super::spec::Spec;
use super::version;
use crate::shell::quote_str as quote;
use crate::task::{Query, Resource};

/// Prints rows of a table: `candidate NAME=VERSION`, `version NAME=VERSION PRIORITY`, and `provider
/// NAME=PACKAGE` if a name has no candidate. Does not write apt's cache, so a check may run it.
const SCRIPT: &str = r#"
export LC_ALL=C
cache() { apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@" 2>/dev/null; }
offers=$(cache $release policy -- "$@" | awk '
  /^[^ ].*:$/ { name = substr($0, 1, length($0) - 1) }
  /^  Candidate:/ { print "candidate " name "=" $2 }
  /^ (\*\*\*|   ) [^ ]+ -?[0-9]+$/ { print "version " name "=" $(NF - 1), $NF }')
echo "$offers"
without=
for name; do
  case $offers in *"candidate $name=("*) ;; *"candidate ${name%:*}="*) continue;; esac
  without="$without $name"
done
[ -z "$without" ] || cache showpkg -- $without | awk '
  /^Package: / { name = $2 }
  NF == 0 { on = 0 }
  on { print "provider " name "=" $1 }
  /^Reverse Provides:/ { on = 1 }'
"#;

/// The query for some packages. `release`: where to take them from.
pub(crate) fn query(specs: &[&Spec], release: Option<&str>) -> Query {
    let names: Vec<String> = specs.iter().map(|spec| quote(&spec.name)).collect();
    let release = release.map_or_else(String::new, |name| {
        format!("-o APT::Default-Release={name}")
    });
    let reads = specs
        .iter()
        .map(|spec| Resource::Package(spec.name.clone()));
    let etc = Resource::Path("/etc/apt".to_owned());
    Query::Script {
        script: format!(
            "release={}\nset -- {}{SCRIPT}",
            quote(&release),
            names.join(" ")
        ),
        reads: reads.chain([etc]).collect(),
    }
}

/// The answer.
#[derive(Clone, Copy)]
pub(crate) struct Offers<'a>(pub &'a [(String, String)]);

impl<'a> Offers<'a> {
    fn of(self, kind: &'static str, name: &str) -> impl Iterator<Item = &'a str> {
        // apt omits the host's own architecture.
        let bare = name.split(':').next().unwrap_or_default().to_owned();
        let name = name.to_owned();
        self.0.iter().filter_map(move |(key, value)| {
            let of = key.strip_prefix(kind)?.strip_prefix(' ')?;
            (of == name || of == bare).then_some(value.as_str())
        })
    }

    /// The version that apt would install: of the matching versions, the one with the highest priority, and
    /// the newest of those (apt_preferences(5)). A negative priority means never.
    pub(crate) fn choice(self, spec: &Spec) -> Option<&'a str> {
        if spec.version.is_none() {
            return self
                .of("candidate", &spec.name)
                .find(|version| *version != "(none)");
        }
        self.of("version", &spec.name)
            .filter_map(|row| {
                let (version, priority) = row.split_once(' ')?;
                Some((version, priority.parse::<i32>().ok()?))
            })
            .filter(|(version, priority)| *priority >= 0 && spec.is_met_by(version))
            .max_by(|a, b| a.1.cmp(&b.1).then_with(|| version::compare(a.0, b.0)))
            .map(|(version, _)| version)
    }

    /// The packages that provide a name for which there is no package.
    pub(crate) fn providers(self, spec: &Spec) -> Vec<&'a str> {
        let mut providers: Vec<&str> = self.of("provider", &spec.name).collect();
        providers.sort_unstable();
        providers.dedup();
        providers
    }
}

#[cfg(test)]
mod tests {
    use super::{Offers, Spec};

    #[test]
    fn chooses_as_apt_does() {
        let rows = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
            rows.iter().map(owned).collect()
        };
        let rows = rows(&[
            ("candidate xx", "1.2.3"),
            ("version xx", "2.0 500"),
            ("version xx", "1.2.10 500"),
            ("version xx", "1.2.3 990"),
            ("version xx", "1.3 -1"),
            ("version yy", "1.9 500"),
            ("version yy", "1.10 500"),
            ("candidate awk", "(none)"),
            ("provider awk", "mawk"),
            ("provider awk", "gawk"),
            ("provider awk", "mawk"),
        ]);
        let spec = |text: &str| Spec::parse(text).expect("a package");
        let choice = |text: &str| Offers(&rows).choice(&spec(text));
        assert_eq!(choice("xx"), Some("1.2.3"));
        assert_eq!(choice("xx:amd64"), Some("1.2.3"));
        assert_eq!(choice("xx=1.2*"), Some("1.2.3"));
        assert_eq!(choice("xx=2*"), Some("2.0"));
        assert_eq!(choice("xx=1.3*"), None);
        assert_eq!(choice("yy=1.*"), Some("1.10"));
        assert_eq!(choice("awk"), None);
        assert_eq!(Offers(&rows).providers(&spec("awk")), ["gawk", "mawk"]);
    }
}
