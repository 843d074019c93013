//! The state machine and the driver in a made-up world: what is promised holds whatever happens.

mod found;
mod properties;
mod scenes;
mod world;
