//! Templates that are parsed once and rendered for many hosts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{Environment, Error, Value};

use super::header::Header;
use super::{adapt, environment, limits};

/// A parsed template.
pub struct Compiled {
    environment: Environment<'static>,
    name: String,
}

impl Compiled {
    /// # Errors
    /// The text is not a valid template, or its header contains an unsupported setting.
    pub fn new(name: &str, text: &str) -> Result<Self, Error> {
        let mut environment = environment();
        let header = Header::of(text)?;
        let text = header.rest;
        if let Some(syntax) = header.syntax(environment.syntax()) {
            environment.set_syntax(syntax);
        }
        environment.add_template_owned(name.to_owned(), adapt(text))?;
        Ok(Self {
            environment,
            name: name.to_owned(),
        })
    }

    /// # Errors
    /// The template cannot be rendered with these variables.
    pub fn render(&self, vars: &Value) -> Result<String, Error> {
        limits::render(&self.environment.get_template(&self.name)?, vars.clone())
    }
}

/// By name and text.
type Known = HashMap<(String, String), Arc<Compiled>>;

/// The templates of a run, by name and text.
#[derive(Default)]
pub struct Templates(Mutex<Known>);

impl Templates {
    /// Returns the template with this text. It is parsed on first use.
    ///
    /// # Errors
    /// The text is not a valid template.
    pub fn get(&self, name: &str, text: &str) -> Result<Arc<Compiled>, Error> {
        let key = (name.to_owned(), text.to_owned());
        if let Some(known) = self.known().get(&key) {
            return Ok(known.clone());
        }
        let compiled = Arc::new(Compiled::new(name, text)?);
        self.known().insert(key, compiled.clone());
        Ok(compiled)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_text_once_and_another_text_separately() {
        let templates = Templates::default();
        let first = templates.get("a", "{{ x }}").expect("a template");
        let again = templates.get("a", "{{ x }}").expect("a template");
        assert!(Arc::ptr_eq(&first, &again));
        let other = templates.get("a", "{{ x }}!").expect("a template");
        let vars = minijinja::context! { x => 1 };
        assert_eq!(first.render(&vars).expect("rendered"), "1");
        assert_eq!(other.render(&vars).expect("rendered"), "1!");
        assert!(templates.get("a", "{{ x").is_err());
        assert!(
            templates
                .get("a", "{{ x }}")
                .expect("still")
                .render(&Value::UNDEFINED)
                .is_err()
        );
    }
}
