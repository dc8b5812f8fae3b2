"""The invented company behind the demo data: its people, how they move, what they buy, what is typed wrongly."""
