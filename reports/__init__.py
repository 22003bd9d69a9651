"""Result records and the pages made of them."""
