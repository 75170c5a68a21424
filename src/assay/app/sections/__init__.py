"""What each part of the report says: artefacts in, plots and words for the template out.

Every function returns None when the artefacts it needs are not there, and the page leaves that part out.
"""
