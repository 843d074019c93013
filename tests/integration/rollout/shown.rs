//! What is shown of a rollout.
