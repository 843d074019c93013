//! Copies of closures that share no variables.
//!
//! The captured variables of a closure are shared and locked: if two threads use one at the same time, Rhai
//! reports a data race. So every host gets its own deep copy. Variables that several closures share are also
//! shared among their copies. A closure that captures itself remains one closure.

use std::collections::HashMap;

use rhai::{Array, Dynamic, FnPtr, Map};

/// A copy of the closure whose captured variables are used by nothing else.
#[must_use]
pub(crate) fn isolate(closure: &FnPtr) -> FnPtr {
    Copies::default().closure(closure)
}

/// The shared variables that have been copied, by address.
#[derive(Default)]
struct Copies(HashMap<usize, Dynamic>);

impl Copies {
    fn closure(&mut self, closure: &FnPtr) -> FnPtr {
        let mut copy = closure.clone();
        for captured in copy.iter_curry_mut() {
            *captured = self.value(captured);
        }
        copy
    }

    fn value(&mut self, value: &Dynamic) -> Dynamic {
        let Some(place) = place(value) else {
            return self.plain(value.clone());
        };
        if let Some(copy) = self.0.get(&place) {
            return copy.clone();
        }
        // Inserted before it is filled, because its content may refer back to it.
        let copy = Dynamic::UNIT.into_shared();
        self.0.insert(place, copy.clone());
        let filled = self.plain(value.flatten_clone());
        let mut target = copy.clone();
        if let Some(mut target) = target.write_lock::<Dynamic>() {
            *target = filled;
        }
        copy
    }

    fn plain(&mut self, mut value: Dynamic) -> Dynamic {
        if let Some(mut items) = value.write_lock::<Array>() {
            for item in items.iter_mut() {
                *item = self.value(item);
            }
        } else if let Some(mut entries) = value.write_lock::<Map>() {
            for entry in entries.values_mut() {
                *entry = self.value(entry);
            }
        } else if let Some(mut closure) = value.write_lock::<FnPtr>() {
            *closure = self.closure(&closure);
        }
        value
    }
}

/// The address of a shared variable. `None` if it is not shared.
fn place(value: &Dynamic) -> Option<usize> {
    if !value.is_shared() {
        return None;
    }
    let inner = value.read_lock::<Dynamic>()?;
    Some(std::ptr::from_ref::<Dynamic>(&inner).addr())
}

#[cfg(test)]
mod tests {
    use rhai::Engine;

    use super::*;

    fn closure(script: &str) -> (Engine, rhai::AST, FnPtr) {
        let engine = Engine::new();
        let ast = engine.compile(script).expect("it parses");
        let closure = engine.eval_ast::<FnPtr>(&ast).expect("a closure");
        (engine, ast, closure)
    }

    #[test]
    fn copies_share_nothing_with_the_original() {
        let (engine, ast, original) =
            closure("let m = #{ deep: [#{ n: 0 }] }; || { m.deep[0].n += 1; m.deep[0].n }");
        let call = |closure: &FnPtr| closure.call::<i64>(&engine, &ast, ()).expect("a number");
        let copy = isolate(&original);
        assert_eq!((call(&copy), call(&copy)), (1, 2));
        assert_eq!(call(&original), 1);
        assert_eq!(call(&isolate(&original)), 2);
    }

    #[test]
    fn copies_share_what_their_originals_share() {
        let (engine, ast, original) =
            closure("let n = 0; let up = || { n += 1; }; || { up.call(); up.call(); n }");
        let copy = isolate(&original);
        assert_eq!(copy.call::<i64>(&engine, &ast, ()).expect("a number"), 2);
        assert_eq!(
            original.call::<i64>(&engine, &ast, ()).expect("a number"),
            2
        );
    }

    #[test]
    fn copies_a_closure_that_captures_itself() {
        let (engine, ast, original) = closure(
            "let m = #{}; m.f = |n| if n == 0 { m.len() } else { 7 }; let f = m.f; || f.call(1)",
        );
        let copy = isolate(&original);
        assert_eq!(copy.call::<i64>(&engine, &ast, ()).expect("a number"), 7);
    }
}
