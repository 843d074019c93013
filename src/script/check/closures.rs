//! Closures, and what they capture.

use rhai::{Expr, FnPtr, Stmt};

/// Functions that call a closure once for every host, each time with a copy of the captured variables.
pub(crate) const PER_HOST: [&str; 2] = ["each", "rollout"];

/// A closure at its place in the script.
pub(crate) struct Closure<'a> {
    /// The name of its function: `anon$...`.
    pub(super) name: String,
    /// The first use of each captured variable, in the order of the function's first parameters.
    pub(super) captured: Vec<&'a Expr>,
}

impl<'a> Closure<'a> {
    /// The name of its function.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The number of captured variables.
    pub(crate) fn captures(&self) -> usize {
        self.captured.len()
    }

    /// Rhai turns a closure without captures into a constant, and one with captures into a block:
    /// `{ share x; curry(f, x) }`.
    pub(crate) fn of(expression: &'a Expr) -> Option<Self> {
        match expression {
            Expr::DynamicConstant(value, _) => {
                let pointer = value.read_lock::<FnPtr>()?;
                pointer.is_anonymous().then(|| Self {
                    name: pointer.fn_name().to_owned(),
                    captured: Vec::new(),
                })
            }
            Expr::Stmt(block) => {
                let [Stmt::Share(_), Stmt::Expr(made)] = block.statements() else {
                    return None;
                };
                let Expr::FnCall(curry, _) = &**made else {
                    return None;
                };
                let (pointer, captured) = curry.args.split_first()?;
                Some(Self {
                    captured: captured.iter().collect(),
                    ..Self::of(pointer)?
                })
            }
            _ => None,
        }
    }
}

/// The variable that `x.a[0].b` starts with.
pub(crate) fn root(target: &Expr) -> &Expr {
    match target {
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => root(&pair.lhs),
        other => other,
    }
}
