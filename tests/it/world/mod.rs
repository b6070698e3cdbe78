//! Tools that the folders of the other rooms share.

pub(crate) mod bench;
pub(crate) mod script;
