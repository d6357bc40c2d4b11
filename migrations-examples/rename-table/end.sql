UPDATE "People" SET id = -age WHERE id > 1000;
