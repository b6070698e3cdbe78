//! What `preview` shows, on the terminal, in files and on its page.

mod browser;
mod caught;
mod files;
mod http;
mod page;
mod seen;
mod served;
