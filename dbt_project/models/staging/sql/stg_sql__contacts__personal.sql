{{ stage_raw('sql', 'contacts__personal') }}
