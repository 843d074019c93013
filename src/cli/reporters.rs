//! The options for what a run shows, and the reporters that they ask for.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::model::{Failure, FailureKind, Reporter};
use crate::report::{
    Junit, OUTPUTS, Opened, Output, Settings, Terminal, default_output, output_named,
};

/// How a run is shown.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct OutputArgs {
    /// Show the run in this format [default: live on a terminal, github or gitlab in their jobs, else plain]
    #[arg(short, long, value_name = "FORMAT", value_parser = outputs())]
    output: Option<&'static Output>,
    /// Also write a JUnit report, which most CI systems read
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl OutputArgs {
    /// The same from another working directory.
    pub(crate) fn absolute(mut self) -> Self {
        self.junit = self
            .junit
            .map(|path| std::path::absolute(&path).unwrap_or(path));
        self
    }
}

/// The reporters of a run.
pub(crate) type Reporters = Vec<Box<dyn Reporter>>;

fn outputs() -> impl TypedValueParser<Value = &'static Output> {
    let values = OUTPUTS
        .iter()
        .map(|output| PossibleValue::new(output.name).help(output.help));
    PossibleValuesParser::new(values).map(|name| output_named(&name).unwrap_or_else(default_output))
}

impl OutputArgs {
    fn output(&self) -> &'static Output {
        self.output.unwrap_or_else(default_output)
    }

    /// Whether standard output is for a program, so that nothing else may be printed there.
    pub(crate) fn is_data(&self) -> bool {
        self.output().is_data
    }

    /// The reporters, and the terminal that one of them draws on, if it draws.
    ///
    /// # Errors
    /// A report cannot be written to its file.
    pub(crate) fn reporters(
        &self,
        settings: Settings,
    ) -> Result<(Reporters, Option<Terminal>), Vec<Failure>> {
        let Opened { reporter, terminal } = (self.output().open)(settings);
        let mut reporters: Reporters = vec![reporter];
        if let Some(path) = &self.junit {
            let junit = Junit::create(path).map_err(|error| {
                let path = path.display();
                let message = format!("failed to write the JUnit report {path}: {error}");
                let hint = "Create its directory before the run.";
                vec![Failure::new(FailureKind::Input, message).hint(hint)]
            })?;
            reporters.push(Box::new(junit));
        }
        Ok((reporters, terminal))
    }
}
