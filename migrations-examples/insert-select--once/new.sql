INSERT INTO log VALUES ('new', :round);
