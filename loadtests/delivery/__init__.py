"""After a run: was every acknowledged message delivered, once, as it was sent?"""
