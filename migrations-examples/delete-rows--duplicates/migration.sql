DELETE FROM tags a USING tags b WHERE a.id < b.id AND a.name = b.name;
ALTER TABLE tags ADD CONSTRAINT tags_name UNIQUE (name);
