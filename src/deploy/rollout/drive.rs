//! The loop between the machine and the world.

use super::machine::Rollout;
use super::order::{Input, News, Order, Question, Report, Step, Time};

/// Where orders are carried out. It has the clock.
pub trait World {
    /// Time since the rollout began.
    fn now(&self) -> Time;

    /// Begins a step; its end comes through `wait`.
    fn begin(&mut self, host: usize, step: Step, shielded: bool);

    /// Cuts a step short that was begun; its end comes all the same.
    fn cancel(&mut self, host: usize);

    /// Asks the operator; the answer comes through `wait`.
    fn ask(&mut self, question: Question);

    fn tell(&mut self, news: News);

    /// Waits for what happens next, until a time at the latest.
    fn wait(&mut self, until: Option<Time>) -> Input;
}

/// Goes through a rollout to its end.
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
