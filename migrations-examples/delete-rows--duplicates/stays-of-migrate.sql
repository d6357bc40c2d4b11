DELETE FROM tags a USING tags b WHERE a.id < b.id AND a.name = b.name;
