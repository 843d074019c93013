//! The loop between the machine and the world.

use super::machine::Rollout;
use super::order::{Input, News, Order, Question, Report, Step, Time};

/// Where orders are carried out. It has the clock.
pub trait World {
    /// Time since the rollout started.
    fn now(&self) -> Time;

    /// Starts a step; its end is reported by `wait`.
    fn begin(&mut self, host: usize, step: Step, shielded: bool);

    /// Interrupts a step that was started; its end is reported all the same.
    fn cancel(&mut self, host: usize);

    /// Asks the operator; the answer is reported by `wait`.
    fn ask(&mut self, question: Question);

    fn tell(&mut self, news: News);

    /// Waits for the next event, until the given time at the latest.
    fn wait(&mut self, until: Option<Time>) -> Input;
}

/// Runs a rollout to its end.
pub fn drive(mut rollout: Rollout, world: &mut impl World) -> Report {
    let mut input = Input::Tick;
    loop {
        for order in rollout.input(world.now(), input) {
            match order {
                Order::Do {
                    host,
                    step,
                    shielded,
                } => world.begin(host, step, shielded),
                Order::Cancel(host) => world.cancel(host),
                Order::Ask(question) => world.ask(question),
                Order::Tell(news) => world.tell(news),
            }
        }
        if let Some(report) = rollout.report() {
            return report;
        }
        input = world.wait(rollout.wake());
    }
}
