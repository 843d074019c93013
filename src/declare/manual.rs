//! The manual page of a task, a kind or a function.

/// An option: its key, and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    /// Markdown, possibly of several lines, as in doc comments.
    description: &'static str,
}

/// A struct of options, as [`options!`](super::options!) declares it.
pub trait HasOptions {
    /// In the order of the manual page.
    const FIELDS: &'static [Field];
}

/// A manual page in Markdown. Its first paragraph is the summary.
#[derive(Debug, Clone, Copy)]
pub struct Manual {
    /// Without the table of options, as doc comments write it: a space before each line.
    pub text: &'static str,
    pub options: &'static [Field],
}

impl Field {
    /// `name` is the name of the struct's field, which may be a raw identifier.
    #[must_use]
    pub const fn new(name: &'static str, description: &'static str) -> Self {
        let name = match name.as_bytes() {
            [b'r', b'#', ..] => name.split_at(2).1,
            _ => name,
        };
        Self { name, description }
    }

    /// The description on one line.
    #[must_use]
    pub fn description(&self) -> String {
        let lines: Vec<&str> = self.description.lines().map(str::trim).collect();
        lines.join(" ").trim().to_owned()
    }
}

impl Manual {
    #[must_use]
    pub const fn new(text: &'static str, options: &'static [Field]) -> Self {
        Self { text, options }
    }

    /// The keys of the options.
    #[must_use]
    pub fn option_names(&self) -> Vec<&'static str> {
        self.options.iter().map(|field| field.name).collect()
    }

    /// The whole page. The table of options follows the first paragraph.
    #[must_use]
    pub fn markdown(&self) -> String {
        let lines: Vec<&str> = (self.text.lines())
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let text = lines.join("\n");
        if self.options.is_empty() {
            return text.trim().to_owned();
        }
        let (first, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut page = format!("{}\n\n| option | what it does |\n|---|---|\n", first.trim());
        for field in self.options {
            page.push_str(&format!(
                "| `{}` | {} |\n",
                field.name,
                field.description().replace('|', "\\|")
            ));
        }
        format!("{page}\n{}", rest.trim()).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_options_follows_the_first_paragraph() {
        const OPTIONS: &[Field] = &[
            Field::new("mode", " permission bits,\n as text"),
            Field::new("r#type", " `a|b`"),
        ];
        let page = Manual::new(" Ensures it.\n More.\n\n Details.\n", OPTIONS).markdown();
        assert_eq!(
            page,
            "Ensures it.\nMore.\n\n| option | what it does |\n|---|---|\n\
             | `mode` | permission bits, as text |\n\
             | `type` | `a\\|b` |\n\nDetails."
        );
        assert_eq!(Manual::new(" One.\n", &[]).markdown(), "One.");
    }
}
