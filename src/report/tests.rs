mod documents;
mod harmless;
mod live;
mod plain;
mod story;
