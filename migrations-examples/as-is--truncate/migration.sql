TRUNCATE caches, entries;
