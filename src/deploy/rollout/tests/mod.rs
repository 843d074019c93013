//! The state machine and the driver in a simulated world: the guarantees hold whatever happens.

mod found;
mod properties;
mod resumed;
mod scenes;
mod world;
