# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the budgets that one host can measure, and what they are measured against."""
