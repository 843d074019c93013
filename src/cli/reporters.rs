//! Which reporters a run has, from the command line and from where it runs.

use std::path::PathBuf;

use crate::model::{Failure, FailureKind, Reporter};
use crate::report::github::Workflow;
use crate::report::{Github, Gitlab, Json, Junit, Live, Plain, Settings, Terminal};

use super::args::{Output, OutputArgs};

/// Reporters, and what the first of them draws on, if it draws.
pub type Chosen = (Vec<Box<dyn Reporter>>, Option<Terminal>);

/// The reporters, and what the first of them draws on. Without `--output` it is that of the CI system whose job this is, `live`
/// where a person looks at a terminal, and `plain` elsewhere.
///
/// # Errors
/// A report cannot be written where it is to be.
pub fn reporters(
    args: &OutputArgs,
    settings: Settings,
    terminal: bool,
) -> Result<Chosen, Vec<Failure>> {
    let (first, drawn_on) = shown(args.output.unwrap_or_else(|| usual(terminal)), settings);
    let mut reporters = vec![first];
    if let Some(path) = &args.junit {
        let junit = Junit::create(path).map_err(|error| {
            let message = format!(
                "failed to write the JUnit report {}: {error}",
                path.display()
            );
            let hint = "Its directory has to be there before the run begins.";
            vec![Failure::new(FailureKind::Input, message).hint(hint)]
        })?;
        reporters.push(Box::new(junit));
    }
    Ok((reporters, drawn_on))
}

fn shown(output: Output, settings: Settings) -> (Box<dyn Reporter>, Option<Terminal>) {
    let reporter: Box<dyn Reporter> = match output {
        Output::Live => {
            let live = Live::stdio(settings);
            let terminal = live.terminal();
            return (Box::new(live), Some(terminal));
        }
        Output::Plain => Box::new(Plain::stdio(settings)),
        Output::Json => Box::new(Json::stdout()),
        Output::Github => Box::new(Github::stdout(settings, workflow())),
        Output::Gitlab => Box::new(Gitlab::stdout(settings)),
    };
    (reporter, None)
}

fn usual(terminal: bool) -> Output {
    if is_github() {
        Output::Github
    } else if is_true("GITLAB_CI") {
        Output::Gitlab
    } else if terminal && std::env::var_os("CI").is_none() {
        Output::Live
    } else {
        Output::Plain
    }
}

/// Whether this is a step of GitHub Actions, the runner of which acts on what is printed.
pub fn is_github() -> bool {
    is_true("GITHUB_ACTIONS")
}

fn is_true(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value == "true")
}

/// Where the step runs.
pub fn workflow() -> Workflow {
    let path = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    Workflow {
        workspace: path("GITHUB_WORKSPACE"),
        directory: std::env::current_dir().unwrap_or_default(),
        summary: path("GITHUB_STEP_SUMMARY"),
    }
}
