//! Commands that would wedge or fool a session.
