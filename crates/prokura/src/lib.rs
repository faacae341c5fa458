//! prokura
